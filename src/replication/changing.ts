/** A change of master that is under way: what every part of it is handed, its journal kept up to date, and its ends. */
import {hostname} from 'node:os';
import {dirname, join} from 'node:path';
import {ExitCode, RtopoError} from '../errors.js';
import {Journal} from '../journal/record.js';
import {operationId} from '../journal/state.js';
import {parseTopology} from '../topology/parse.js';
import {addressText, type Instance, instancesOf, type Shard, type Topology} from '../topology/types.js';
import {parentOf} from './graph.js';
import {ShardLocks} from './shard-lock.js';
import {changesDir, resumeCommand, type Where} from './switchover-history.js';
import {type Begin, type ChangeRecord, retell, type Told, toldBy} from './switchover-record.js';

export interface ChangeHooks {
  readonly timeoutMs: number;
  /** One line per transition, for whoever watches. */
  readonly say: (text: string) => void;
  /** True after the first interrupt: the step at hand is finished or undone, then the run ends. */
  readonly interrupted: () => boolean;
}

/** Who takes part, as the topology file had it when the change was begun. */
export interface Cast {
  readonly topology: Topology;
  readonly shard: Shard;
  readonly old: Instance;
  readonly next: Instance;
  /** Replicas of the old master that will follow the new one. */
  readonly siblings: readonly Instance[];
}

export function castOf({fromText, file, shard: name, old: from, next: to}: Begin): Cast {
  const {topology} = parseTopology(fromText, file, dirname(file));
  const shard = topology.shards.find((one) => one.name === name)!;
  const at = (text: string): Instance => instancesOf(shard).find(({address}) => addressText(address) === text)!;
  const [old, next] = [at(from), at(to)];
  const siblings = shard.replicas.filter((one) => one !== next && parentOf(shard, one) === old);
  return {topology, shard, old, next, siblings};
}

/** A renewal of the lock waits as long as writes are held off. */
export function locksFor({id, fenceMs}: Begin, timeoutMs: number): ShardLocks {
  return new ShardLocks(id, timeoutMs + fenceMs);
}

interface Parts {
  readonly told: Told;
  readonly cast: Cast;
  readonly journal: Journal<ChangeRecord>;
  readonly locks: ShardLocks;
  readonly hooks: ChangeHooks;
  readonly again: string;
}

export class Changing {
  readonly cast: Cast;
  readonly locks: ShardLocks;
  readonly journal: Journal<ChangeRecord>;
  readonly hooks: ChangeHooks;
  /** Flags that a printed command must repeat. */
  readonly again: string;
  #told: Told;

  private constructor({told, cast, journal, locks, hooks, again}: Parts) {
    [this.cast, this.journal, this.locks, this.hooks, this.again] = [cast, journal, locks, hooks, again];
    this.#told = told;
  }

  /** A new one, on disk before anything is changed. */
  static async begin(where: Where, intent: Omit<Begin, 'type' | 'id' | 'file'>, hooks: ChangeHooks): Promise<Changing> {
    const nowMs = Date.now();
    const begin: Begin = {type: 'begin', id: operationId(nowMs), file: where.file, ...intent};
    const path = join(changesDir(where), `${begin.id}.jsonl`);
    const parts = {cast: castOf(begin), locks: locksFor(begin, hooks.timeoutMs), hooks, again: where.again};
    const journal = Journal.create<ChangeRecord>(path);
    const changing = new Changing({...parts, told: toldBy(path, begin, nowMs), journal});
    journal.note(begin, nowMs);
    await changing.note(thisProcess());
    return changing;
  }

  /** Goes on with what a journal tells, as it was read under the lock. */
  static async reopen(parts: Omit<Parts, 'journal'>): Promise<Changing> {
    const {path, tail} = parts.told;
    const changing = new Changing({
      ...parts,
      journal: Journal.resume<ChangeRecord>(path, tail, () => parts.locks.assertHeld()),
    });
    await changing.note(thisProcess());
    return changing;
  }

  get told(): Told {
    return this.#told;
  }

  /** On disk when it resolves. */
  async note(record: ChangeRecord): Promise<void> {
    const nowMs = Date.now();
    await this.journal.append(record, nowMs);
    this.#told = retell(this.#told, record, nowMs);
  }

  get resume(): string {
    return resumeCommand(this.#told, this.again);
  }

  /** The last record. The lock is given back before it: whoever finds the operation ended finds no lock of it. */
  async end(phase: 'done' | 'aborted'): Promise<void> {
    await this.locks.release();
    await this.note({type: 'end', phase});
  }

  /** May the next step be begun? @throws RtopoError when interrupted (130) or when the lock was lost (4) */
  checkpoint(): void {
    this.locks.assertHeld();
    if (!this.hooks.interrupted()) return;
    throw new RtopoError({
      code: 'INTERRUPTED',
      exit: ExitCode.interrupted,
      message: `Interrupted. ${this.standing()} The journal is written: ${this.journal.path}`,
      remedy: this.resume,
      details: {id: this.#told.begin.id, journal: this.journal.path},
    });
  }

  /** Who leads, as far as the journal knows. */
  standing(): string {
    const {kind, old, next} = this.#told.begin;
    if (this.#told.promoted !== null) return `${next} leads; the rest is still to do.`;
    return kind === 'switchover' ? `${old} leads as before.` : 'Nobody was promoted.';
  }

  async close(): Promise<void> {
    await this.locks.release();
    await this.journal.close();
  }
}

const thisProcess = () => ({type: 'process', host: hostname(), pid: process.pid}) as const;

/** Once it has begun every fault leaves it unfinished, whatever the server said: exit 4 (or 130), and the command that goes on. */
export function unfinished({told, again}: {readonly told: Told; readonly again: string}, error: unknown): unknown {
  if (!(error instanceof RtopoError)) return error;
  const {code, message, remedy, details, exit} = error;
  const resume = resumeCommand(told, again);
  if (remedy?.includes(resume)) return error;
  return new RtopoError({
    code,
    exit: exit === ExitCode.interrupted ? exit : ExitCode.incomplete,
    message: exit === ExitCode.incomplete ? message : `${message} The change is unfinished.`,
    remedy: remedy === undefined ? resume : `${remedy}; then: ${resume}`,
    details: {...details, id: told.begin.id},
    cause: error,
  });
}
