/**
 * `rtopo replicate` under lock and journal. The servers are the truth and every order can be given again, so the command that finishes a
 * run is the same command; the journal only knows what no server tells: which orders may not have been written into a config file, and
 * that somebody began. Where a run may die, and what is found then:
 *
 * - Before the first record is whole: nothing was changed; the file is passed over.
 * - Before a lock, or between two: keys that end by themselves within 60 s. The next run of this account takes up the operation under
 *   its id, and so takes them over at once; anybody else waits.
 * - Before an order: the plan has its step again. Between the order and CONFIG REWRITE, or before its reply: the role is as declared, and
 *   the record of the order without the one that settles it has the config file written by a step of its own (`persist`).
 * - Between CONFIG REWRITE and its record: the config file is written once more, which changes nothing.
 * - While a link is awaited: it comes up by itself, or the next run says why not. It is not taken back then: to whom it went is not known.
 * - While a link is taken back: that is an order too. Whom the server follows then decides what the next plan does.
 * - Between a promotion and the lock on the promoted master: nobody else follows it yet; the next run locks it first of all.
 * - After the locks are given back, before the last record: nothing is owed; the next run closes the journal, and changes nothing.
 *
 * A process that only sleeps, and wakes up after its lease, finds its lock lost and gives no further order; what it still writes into its
 * journal goes to a file that nobody reads any more, once another run has taken up the operation.
 */
import {hostname} from 'node:os';
import {join} from 'node:path';
import {refusal} from '../errors.js';
import {Journal} from '../journal/record.js';
import {operationId} from '../journal/state.js';
import type {Shard} from '../topology/types.js';
import {LeaderLocks, type LockingOptions} from './leader-locks.js';
import {isAtWork, type RunsAt, runsDir, unfinishedRuns} from './replicate-history.js';
import {type Order, type ReplicateRecord, type ReplicateTold, readRun, retellRun, toldOf} from './replicate-record.js';

/** What the steps of a run tell while they work. */
export interface Recorder {
  /** On disk when it resolves: the order may leave. @throws RtopoError `JOURNAL_FAILED` */
  ordering(order: Order): Promise<void>;
  settled(instance: string, persisted: (ReplicateRecord & {type: 'settled'})['persisted']): void;
  /** Before each wave of a shard. @throws RtopoError when somebody else may be at work on it by now */
  checkpoint(shard: Shard): Promise<void>;
}

export interface RunOptions extends LockingOptions {
  readonly at: RunsAt;
  readonly topology: string;
  /** Those that there is something to do in. */
  readonly shards: readonly Shard[];
}

/**
 * Runs `work` under the lock of every master concerned.
 * @throws RtopoError exit 3 `LOCKED`, `PLAN_STALE`: nothing was changed
 */
export async function underJournal<T>(
  options: RunOptions,
  work: (recorder: Recorder, unlocked: ReadonlySet<string>) => Promise<T>,
): Promise<T> {
  const running = await Running.open(options);
  let isComplete = false;
  try {
    const result = await work(running, running.unlocked);
    isComplete = true;
    return result;
  } finally {
    await running.close(isComplete);
  }
}

class Running implements Recorder {
  readonly #journal: Journal<ReplicateRecord>;
  readonly #options: RunOptions;
  readonly #locks: LeaderLocks;
  #told: ReplicateTold;
  readonly #settled = new Set<string>();

  private constructor(
    told: ReplicateTold,
    parts: {journal: Journal<ReplicateRecord>; locks: LeaderLocks; options: RunOptions},
  ) {
    this.#told = told;
    [this.#journal, this.#locks, this.#options] = [parts.journal, parts.locks, parts.options];
  }

  /** Goes on with the newest run that died, under its id; else a new one. */
  static async open(options: RunOptions): Promise<Running> {
    // The folder is looked at before anything is begun: without a journal nothing is changed.
    const dir = runsDir(options.at);
    const found = unfinishedRuns(options.at).find((told) => !isAtWork(told));
    const taken = found === undefined ? null : await Running.#resume(found, options);
    return taken ?? (await Running.#begin(dir, options));
  }

  static async #begin(dir: string, options: RunOptions): Promise<Running> {
    const nowMs = Date.now();
    const id = operationId(nowMs);
    const journal = Journal.create<ReplicateRecord>(join(dir, `${id}.jsonl`));
    journal.note({type: 'begin', id, topology: options.topology}, nowMs);
    const told = toldOf(journal.path, id, nowMs);
    const locks = new LeaderLocks(id, options);
    const running = new Running(told, {journal, locks, options});
    try {
      await running.#note(thisProcess(options.at));
      await running.#lock();
      return running;
    } catch (error) {
      await locks.release();
      await journal.discard();
      throw error;
    }
  }

  /** Null when it was ended by another process until the lock was ours. */
  static async #resume(found: ReplicateTold, options: RunOptions): Promise<Running | null> {
    const locks = new LeaderLocks(found.id, options);
    try {
      await locks.takeAll(options.shards);
      const told = readRun(found.path);
      if (told === null || told.end !== null || isAtWork(told)) {
        await locks.release();
        return null;
      }
      const journal = Journal.resume<ReplicateRecord>(told.path, told.tail, () => locks.assertHeld());
      const running = new Running(told, {journal, locks, options});
      await running.#note(thisProcess(options.at));
      await running.#lock();
      return running;
    } catch (error) {
      await locks.release();
      throw error;
    }
  }

  /** Takes what is not taken yet. Where a master could not be locked, only the journals tell of another run of this account. */
  async #lock(): Promise<void> {
    await this.#locks.takeAll(this.#options.shards);
    if (this.#locks.unlocked.size === 0) return;
    const other = unfinishedRuns(this.#options.at).find((told) => told.id !== this.#told.id && isAtWork(told));
    if (other !== undefined) throw atWork(other);
  }

  get unlocked(): ReadonlySet<string> {
    return this.#locks.unlocked;
  }

  async ordering(order: Order): Promise<void> {
    await this.#note({type: 'order', ...order});
  }

  settled(instance: string, persisted: (ReplicateRecord & {type: 'settled'})['persisted']): void {
    const record = {type: 'settled', instance, persisted} as const;
    // A journal that fails fails the next order; what was done is done.
    this.#journal.append(record, Date.now()).catch(() => undefined);
    this.#settled.add(instance);
    this.#told = retellRun(this.#told, record);
  }

  checkpoint(shard: Shard): Promise<void> {
    return this.#locks.ensure(shard);
  }

  async #note(record: ReplicateRecord): Promise<void> {
    await this.#journal.append(record, Date.now());
    this.#told = retellRun(this.#told, record);
  }

  /** Ends the journal, unless something is owed: then the next run has to know. The lock is given back before, so that an ended run has none. */
  async close(isComplete: boolean): Promise<void> {
    await this.#locks.release();
    try {
      if (this.#told.owed.length === 0) {
        await this.#note({type: 'end', phase: isComplete ? 'done' : 'incomplete'});
        closeOthers(this.#options.at, this.#told.id, ({owed}) =>
          owed.some(({instance}) => !this.#settled.has(instance)),
        );
      }
    } catch {
      // What was to be done is done, and the report says how: a journal that is left open only makes the next run look again.
    } finally {
      await this.#journal.close();
    }
  }
}

/**
 * Ends the runs that died and owe nothing any more, where nothing is left to do for them.
 * @param isOwed does this run still owe something? What it owed may have been settled by another one
 */
export function closeOthers(at: RunsAt, own: string | null, isOwed: (told: ReplicateTold) => boolean) {
  for (const told of unfinishedRuns(at)) {
    if (told.id === own || isAtWork(told) || isOwed(told)) continue;
    const journal = Journal.resume<ReplicateRecord>(told.path, told.tail);
    journal.note({type: 'end', phase: 'done'}, Date.now());
    void journal.close();
  }
}

const thisProcess = ({command}: RunsAt) => ({type: 'process', host: hostname(), pid: process.pid, command}) as const;

function atWork({process: other, startedMs}: ReplicateTold) {
  const since = new Date(startedMs).toISOString();
  return refusal({
    code: 'LOCKED',
    message: `Another rtopo replicate is at work on these servers (process ${other!.pid} on this host, since ${since}). Nothing was changed.`,
    remedy: 'wait for it to end, then run the command again',
  });
}
