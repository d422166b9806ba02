/**
 * Before anything is deleted at a source, its copy must live on a target that survives the next crash: by its append-only file,
 * by a replica that has acknowledged it, or by a snapshot finished after the last copy.
 */

import {ExitCode, RtopoError} from '../errors.js';
import {LEASE_MS, LOCK_KEY, RENEW} from '../journal/lock.js';
import {type Connection, endpointOf, withConnection} from '../redis/connect.js';
import {readFacts} from '../redis/fleet.js';
import type {ServerFacts} from '../redis/identity.js';
import {type Info, infoNumber, infoText, parseInfo} from '../redis/info.js';
import {dialFlags} from '../topology/types.js';
import {lockLost} from './compare-and-delete.js';
import type {Node} from './nodes.js';
import {checkpoint, type Operation, receivers, resumeCommand, write} from './operation.js';
import type {Objection} from './preflight.js';
import type {Consents, Durability} from './records.js';

/** With appendfsync everysec a write is on disk at the latest two seconds after it was acknowledged. */
const EVERYSEC_MS = 2100;
const BACKGROUND_LIMIT_MS = 3_600_000;
const POLL_MS = 100;

/** How a target can be made sure of, known before anything moves. Null: it cannot. */
async function meansOf(connection: Connection): Promise<Durability | null> {
  const facts = await readFacts(connection);
  // With `no` nobody knows when the file reaches the disk.
  if (facts.aofEnabled && (await appendPolicy(connection)) !== 'no') return 'aof';
  if (onlineReplicas(facts) > 0) return 'replica';
  // An operator who has switched snapshots off has decided that this server may lose its data; rtopo does not decide otherwise for him.
  const save = await connection.attempt('CONFIG', ['GET', 'save']);
  return Array.isArray(save) && typeof save[1] === 'string' && save[1] !== '' ? 'bgsave' : null;
}

/** `always`, `everysec` or `no`; null when CONFIG is not permitted. */
async function appendPolicy(connection: Connection): Promise<string | null> {
  const reply = await connection.attempt('CONFIG', ['GET', 'appendfsync']);
  return Array.isArray(reply) && typeof reply[1] === 'string' ? reply[1] : null;
}

function onlineReplicas({replicas}: ServerFacts): number {
  return replicas.filter(({state}) => state === 'online').length;
}

/** Targets that would lose what they are given in the next crash, unless that is accepted by name. */
export async function judgeDurability(options: {
  readonly targets: readonly Node[];
  readonly consents: Consents;
  readonly timeoutMs: number;
}): Promise<Objection[]> {
  const found = await Promise.all(
    options.targets.map(async (node): Promise<Objection[]> => {
      if (options.consents.acceptVolatile.includes(node.at)) return [];
      const means = await withConnection(endpointOf(node.instance), options.timeoutMs, meansOf);
      if (means !== null) return [];
      return [
        {
          code: 'VOLATILE_TARGET',
          at: node.at,
          message:
            `${node.at} (shard ${node.name}) is to receive keys and keeps them in memory only: no append-only file, no snapshots, no replica. ` +
            'After the sources are pruned, a restart of it would lose them.',
          consent: `--accept-volatile ${node.at}`,
          remedy: `redis-cli ${dialFlags(node.instance.address)} CONFIG SET appendonly yes, or attach a replica, or accept it with --accept-volatile ${node.at}`,
        },
      ];
    }),
  );
  return found.flat();
}

/** Makes sure of every target, and writes down how. @throws RtopoError exit 4 when one cannot be made sure of */
export async function raiseBarrier(operation: Operation): Promise<void> {
  const targets = await Promise.all(
    receivers(operation).map(async (node) => {
      const by = await withConnection(endpointOf(node.instance), operation.timeoutMs, (connection) =>
        secure({operation, node, connection}),
      );
      return {at: node.at, runId: node.facts.runId, by};
    }),
  );
  await write(operation, {type: 'barrier', targets});
  for (const {at, by} of targets) operation.durability.set(at, by);
}

/** One target, while it is made sure of. */
interface Barred {
  readonly operation: Operation;
  readonly node: Node;
  readonly connection: Connection;
}

async function secure(barred: Barred): Promise<Durability> {
  const {operation, node, connection} = barred;
  assertStillThere(barred, await readFacts(connection));
  if (operation.consents.acceptVolatile.includes(node.at)) return 'accepted-volatile';
  const means = await meansOf(connection);
  switch (means) {
    case 'aof':
      await awaitAppendOnlyFile(barred);
      return means;
    case 'replica':
      await awaitReplica(barred);
      return means;
    case 'bgsave':
      await saveNow(barred);
      return means;
    default:
      throw notDurable(barred, 'it has neither an append-only file nor a replica nor snapshots any more');
  }
}

function assertStillThere(barred: Barred, facts: ServerFacts): void {
  const {node} = barred;
  if (facts.runId !== node.facts.runId) throw notDurable(barred, 'it was restarted since the copies were made');
  if (facts.role.kind !== 'master') throw notDurable(barred, 'it is no longer a master');
  const evicted = (facts.evictedKeys ?? 0) - (node.facts.evictedKeys ?? 0);
  if (evicted > 0) throw notDurable(barred, `it has evicted ${evicted} keys since the move began`);
}

async function awaitAppendOnlyFile(barred: Barred): Promise<void> {
  const {connection} = barred;
  const persistence = await awaitPersistence(
    barred,
    'its append-only file is not rewritten in time',
    // A file that was switched on a moment ago holds nothing until its first rewrite is done.
    (info) => infoText(info, 'aof_rewrite_in_progress') !== '1' && infoText(info, 'aof_rewrite_scheduled') !== '1',
  );
  assertFileWorks(barred, persistence);
  const policy = await appendPolicy(connection);
  // Under `always` what is acknowledged is on disk: the answer to a write leaves after the fsync.
  if (policy === 'always') return;
  // WAITAOF (Redis 7.2) is the exact answer; before it, the everysec policy gives a bound.
  await markLast(barred);
  const waited = await connection.attempt('WAITAOF', [1, 0, Math.ceil(barred.operation.timeoutMs / 2)]);
  if (Array.isArray(waited) && Number(waited[0]) >= 1) return;
  if (policy !== 'everysec') {
    throw notDurable(barred, `nobody knows when its file reaches the disk (appendfsync ${policy ?? 'cannot be read'})`);
  }
  await sleep(EVERYSEC_MS);
  assertFileWorks(barred, parseInfo(String(await connection.call('INFO', ['persistence']))));
}

function assertFileWorks(barred: Barred, info: Info): void {
  if (infoText(info, 'aof_enabled') === '1' && infoText(info, 'aof_last_write_status') === 'ok') return;
  throw notDurable(barred, 'its append-only file is failing');
}

/** WAIT and WAITAOF speak of this connection's own last write, and a fresh connection has none: so it renews the lock, after all copies. */
async function markLast({operation, connection}: Barred): Promise<void> {
  const {token} = operation.lock;
  const renewed = await connection.call('EVAL', [RENEW, 1, LOCK_KEY, token, LEASE_MS]);
  if (renewed !== 1) throw lockLost(operation);
}

async function awaitReplica(barred: Barred): Promise<void> {
  const {operation, connection} = barred;
  await markLast(barred);
  let [deadline, best] = [Date.now() + operation.timeoutMs, -1];
  for (;;) {
    checkpoint(operation);
    if (Number(await connection.call('WAIT', [1, Math.min(1000, Math.ceil(operation.timeoutMs / 2))])) >= 1) return;
    // A replica that is far behind and keeps coming nearer is not late.
    const furthest = Math.max(-1, ...(await readFacts(connection)).replicas.map(({offset}) => offset));
    if (furthest > best) [deadline, best] = [Date.now() + operation.timeoutMs, furthest];
    if (Date.now() > deadline) throw notDurable(barred, 'no replica of it acknowledged the copies in time');
  }
}

async function saveNow(barred: Barred): Promise<void> {
  const isIdle = (info: Info): boolean => infoText(info, 'rdb_bgsave_in_progress') !== '1';
  // One that is already running began before the last copy: it does not count.
  const before = await awaitPersistence(barred, 'its snapshot did not end', isIdle);
  await barred.connection.call('BGSAVE');
  const after = await awaitPersistence(barred, 'its snapshot did not end', isIdle);
  const saves = infoNumber(before, 'rdb_saves');
  const isSaved = saves === null || (infoNumber(after, 'rdb_saves') ?? 0) > saves;
  if (infoText(after, 'rdb_last_bgsave_status') !== 'ok' || !isSaved) throw notDurable(barred, 'its snapshot failed');
}

/** Polls INFO persistence until it says so; stops for an interrupt. */
async function awaitPersistence(barred: Barred, late: string, isReady: (info: Info) => boolean): Promise<Info> {
  const deadline = Date.now() + BACKGROUND_LIMIT_MS;
  for (;;) {
    checkpoint(barred.operation);
    const info = parseInfo(String(await barred.connection.call('INFO', ['persistence'])));
    if (isReady(info)) return info;
    if (Date.now() > deadline) throw notDurable(barred, late);
    await sleep(POLL_MS);
  }
}

function notDurable({operation, node}: Barred, why: string): RtopoError {
  return new RtopoError({
    code: 'TARGET_NOT_DURABLE',
    exit: ExitCode.incomplete,
    message: `${node.at} cannot be trusted with the only copy of its keys: ${why}. Nothing was deleted at the sources.`,
    remedy: resumeCommand(operation),
    details: {id: operation.id, address: node.at},
  });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
