/**
 * Replaces the masters of shards by replication, all of them before any key moves: fill every new server, hand over one shard after
 * the other, rewrite the topology file, then repoint and persist what is left. Each part can be run again; how far it is the servers say.
 */
import {ExitCode, RtopoError} from '../errors.js';
import type {Journal} from '../journal/record.js';
import {endpointOf, withConnection} from '../redis/connect.js';
import {readFacts} from '../redis/fleet.js';
import {detach, follow} from '../replication/follow.js';
import {handOver} from '../replication/handover.js';
import type {ShardLocks} from '../replication/shard-lock.js';
import {Watched} from '../replication/sight.js';
import {replaceFile, textSha256} from '../topology/save.js';
import type {Auth, Instance} from '../topology/types.js';
import {type Operation, resumeCommand} from './operation.js';
import type {Change} from './plan.js';
import type {RebalanceRecord, ReplaceEvent} from './records.js';
import {persistOn, settle} from './replace-settle.js';
import {NOTHING_TOLD, type Replacement, type ReplaceTold, retell} from './replacement.js';

export interface Replacing
  extends Pick<Operation, 'id' | 'again' | 'file' | 'timeoutMs' | 'onProgress' | 'interrupted'> {
  readonly change: Change;
  readonly journal: Journal<RebalanceRecord>;
  readonly locks: ShardLocks;
  /** As told by the journal, and kept up to date with it. */
  readonly told: Map<string, ReplaceTold>;
  readonly limits: ReplaceLimits;
}

export interface ReplaceLimits {
  /** How long writes may be held off, in milliseconds. */
  readonly fenceMs: number;
  /** A synchronisation without progress is given up after so long, in milliseconds. */
  readonly silenceMs: number;
}

/** Writes are held off for less than a client waits; a synchronisation may be silent while the old master forks and waits for others. */
export function limitsOf(timeoutMs: number): ReplaceLimits {
  return {fenceMs: 3000, silenceMs: Math.max(15_000, 6 * timeoutMs)};
}

export async function runReplacements(replacing: Replacing): Promise<void> {
  const {replacements} = replacing.change;
  await replacing.journal.append({type: 'phase', phase: 'replicating'}, Date.now());
  const aliases = await aliasesOf(replacing);
  const real = replacements.filter((replacement) => !aliases.has(replacement));
  await orUndone(replacing, fillAll(replacing, real));
  for (const replacement of real) await orUndone(replacing, replaceOne(replacing, replacement));
  await rewriteFile(replacing);
  for (const replacement of real) await settle(replacing, replacement);
}

export const toldOf = ({told}: Replacing, {shard}: Replacement): ReplaceTold => told.get(shard) ?? NOTHING_TOLD;

export async function note(replacing: Replacing, {shard}: Replacement, event: ReplaceEvent): Promise<void> {
  const record = {type: 'replace' as const, shard, event};
  await replacing.journal.append(record, Date.now());
  replacing.told.set(shard, retell(replacing.told.get(shard) ?? NOTHING_TOLD, record));
}

/** Another name of the same server, a host name for an address for instance: only the file changes. */
async function aliasesOf(replacing: Replacing): Promise<ReadonlySet<Replacement>> {
  const runIdOf = (instance: Instance): Promise<string | null> =>
    withConnection(
      endpointOf(instance),
      replacing.timeoutMs,
      async (connection) => (await readFacts(connection)).runId,
    ).catch(() => null);
  const found = await Promise.all(
    replacing.change.replacements.map(async (replacement) => {
      const [old, next] = await Promise.all([runIdOf(replacement.old), runIdOf(replacement.next)]);
      return old !== null && old === next ? [replacement] : [];
    }),
  );
  return new Set(found.flat());
}

export const login = ({change}: Replacing): Auth | null => change.to.topology.replicationAuth;

/** All at once: the sources are different servers. */
async function fillAll(replacing: Replacing, real: readonly Replacement[]): Promise<void> {
  const pending = real.filter((replacement) => toldOf(replacing, replacement).promoted === null);
  const halt = {isSet: false};
  const ends = await Promise.allSettled(
    pending.map((replacement) =>
      fill(replacing, replacement, halt).catch((error) => {
        halt.isSet = true;
        throw error;
      }),
    ),
  );
  const faults = ends.flatMap((end) => (end.status === 'rejected' && end.reason !== HALTED ? [end.reason] : []));
  if (faults.length === 0) return;
  throw faults[0];
}

/** What fails for good before any shard is handed over is taken back: all new servers are taken off again, and nothing was changed. */
async function orUndone<T>(replacing: Replacing, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const isAnyDone = [...replacing.told.values()].some(({promoted}) => promoted !== null);
    if (!isFinal(error) || isAnyDone) throw error;
    await undo(replacing);
    throw undone(error);
  }
}

const HALTED = Symbol('another one failed');

/** Not while it may be on its way to the new one: then only `handOver` knows how to go on. */
async function fill(replacing: Replacing, replacement: Replacement, halt: {readonly isSet: boolean}): Promise<void> {
  const {old, next} = replacement;
  const role = await withConnection(endpointOf(old), replacing.timeoutMs, readFacts).then(
    (facts) => facts.role.kind,
    () => null,
  );
  if (role === 'replica' || (role === null && toldOf(replacing, replacement).fence !== null)) return;
  await follow(
    {child: next, parent: old},
    {
      ...{login: login(replacing), commandTimeoutMs: replacing.timeoutMs, silenceMs: replacing.limits.silenceMs},
      onAttach: ({child}) =>
        note(replacing, replacement, {did: 'attach', runId: child.facts.runId, keys: child.facts.keys}),
      onProgress: ({child, parent}) =>
        replacing.onProgress({phase: 'replicating', keys: child.facts.keys, totalKeys: parent.facts.keys, bytes: 0}),
      checkpoint: () => {
        if (halt.isSet) throw HALTED;
        checkpoint(replacing);
      },
    },
  );
}

function checkpoint(replacing: Replacing): void {
  replacing.locks.assertHeld();
  if (!replacing.interrupted()) return;
  throw new RtopoError({
    code: 'INTERRUPTED',
    exit: ExitCode.interrupted,
    message: `Interrupted. The new servers stay attached and go on filling; the journal is written: ${replacing.journal.path}`,
    remedy: resumeCommand(replacing),
    details: {id: replacing.id, journal: replacing.journal.path},
  });
}

/** What another attempt would meet again. A server that was silent for a moment is not among it. */
function isFinal(error: unknown): error is RtopoError {
  if (!(error instanceof RtopoError)) return false;
  const codes = ['LINK_NOT_UP', 'NOT_EMPTY', 'FOLLOWS_ANOTHER', 'PARENT_LOST', 'REPLICAOF_DISABLED', 'NO_PERMISSION'];
  return codes.includes(error.code);
}

/** Takes off what this operation has attached. Copies that have arrived stay where they are: nothing is wiped. */
export async function undo(replacing: Replacing): Promise<void> {
  for (const replacement of replacing.change.replacements) {
    const {attached, promoted} = toldOf(replacing, replacement);
    if (!attached || promoted !== null) continue;
    const next = new Watched(replacement.next, replacing.timeoutMs);
    try {
      await detach(next);
      await note(replacing, replacement, {did: 'detach'});
    } finally {
      next.close();
    }
  }
  await replacing.locks.release();
  await replacing.journal.append({type: 'end', phase: 'aborted', writers: 'unknown', finalCheck: null}, Date.now());
}

function undone(fault: RtopoError): RtopoError {
  const {code, message, remedy, details} = fault;
  return new RtopoError({
    ...{code, exit: ExitCode.failed, cause: fault},
    message: `${message} The replacement was undone: every old master leads as before.`,
    ...(remedy === undefined ? {} : {remedy}),
    details: {...details, undone: true},
  });
}

/** The operation has ended, with nothing changed. */
export function isUndone(error: unknown): boolean {
  return error instanceof RtopoError && error.details?.undone === true;
}

async function replaceOne(replacing: Replacing, replacement: Replacement): Promise<void> {
  if (toldOf(replacing, replacement).promoted === null) {
    checkpoint(replacing);
    await fill(replacing, replacement, {isSet: false});
    const handed = await handOver(replacement, {
      ...{login: login(replacing), commandTimeoutMs: replacing.timeoutMs, fenceMs: replacing.limits.fenceMs},
      fence: toldOf(replacing, replacement).fence,
      onFenced: (fence) => note(replacing, replacement, {did: 'fence', fence}),
    });
    await note(replacing, replacement, {did: 'promote', promoted: handed});
    // At once, and again later with its outcome told: an old master that restarts now would come back as one.
    await Promise.allSettled([replacement.old, replacement.next].map((one) => persistOn(one, replacing.timeoutMs)));
  }
  await replacing.locks.take(replacement.shard, replacement.next);
}

/** As soon as the last shard is handed over: from here on everybody reads the new addresses. */
async function rewriteFile(replacing: Replacing): Promise<void> {
  const {file, change, id} = replacing;
  const outcome = await replaceFile({
    path: file,
    expectedSha256: textSha256(change.from.text),
    text: change.interim,
    backupSuffix: `before-${id}`,
  });
  if (outcome !== 'changed') return;
  throw new RtopoError({
    code: 'TOPOLOGY_CHANGED',
    exit: ExitCode.incomplete,
    message: `${file} was edited since the plan was made; rtopo does not overwrite it. The new masters lead already.`,
    remedy: `put the old text back, then: ${resumeCommand(replacing)}`,
    details: {id, file},
  });
}
