/**
 * Before anything is deleted at a source, its copy must live on a target that survives the next crash: by its append-only file,
 * by a replica that has acknowledged it, or by a snapshot finished after the last copy.
 */
import {ExitCode, RtopoError} from '../errors.js';
import {type Connection, endpointOf, withConnection} from '../redis/connect.js';
import {readFacts} from '../redis/fleet.js';
import type {ServerFacts} from '../redis/identity.js';
import {infoNumber, infoText, parseInfo} from '../redis/info.js';
import type {Node} from './nodes.js';
import {type Operation, receivers, resumeCommand, write} from './operation.js';
import type {Objection} from './preflight.js';
import type {Consents, Durability} from './records.js';

/** With appendfsync everysec a write is on disk at the latest two seconds after it was acknowledged. */
const EVERYSEC_MS = 2100;
const BGSAVE_LIMIT_MS = 3_600_000;
const POLL_MS = 100;

/** How a target can be made sure of, known before anything moves. Null: it cannot. */
async function meansOf(connection: Connection): Promise<Durability | null> {
  const facts = await readFacts(connection);
  if (facts.aofEnabled) return 'aof';
  if (onlineReplicas(facts) > 0) return 'replica';
  // An operator who has switched snapshots off has decided that this server may lose its data; rtopo does not decide otherwise for him.
  const save = await connection.attempt('CONFIG', ['GET', 'save']);
  return Array.isArray(save) && typeof save[1] === 'string' && save[1] !== '' ? 'bgsave' : null;
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
          remedy: `redis-cli -h ${node.instance.address.host} -p ${node.instance.address.port} CONFIG SET appendonly yes, or attach a replica, or accept it with --accept-volatile ${node.at}`,
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
        secure(operation, node, connection),
      );
      return {at: node.at, runId: node.facts.runId, by};
    }),
  );
  write(operation, {type: 'barrier', targets});
}

async function secure(operation: Operation, node: Node, connection: Connection): Promise<Durability> {
  const facts = await readFacts(connection);
  assertStillThere(operation, node, facts);
  if (operation.consents.acceptVolatile.includes(node.at)) return 'accepted-volatile';
  const means = await meansOf(connection);
  switch (means) {
    case 'aof':
      await awaitAppendOnlyFile(operation, node, connection);
      return means;
    case 'replica':
      await awaitReplica(operation, node, connection);
      return means;
    case 'bgsave':
      await saveNow(operation, node, connection);
      return means;
    default:
      throw notDurable(operation, node, 'it has neither an append-only file nor a replica nor snapshots any more');
  }
}

function assertStillThere(operation: Operation, node: Node, facts: ServerFacts): void {
  if (facts.runId !== node.facts.runId)
    throw notDurable(operation, node, 'it was restarted since the copies were made');
  if (facts.role.kind !== 'master') throw notDurable(operation, node, 'it is no longer a master');
  const evicted = (facts.evictedKeys ?? 0) - (node.facts.evictedKeys ?? 0);
  if (evicted > 0) throw notDurable(operation, node, `it has evicted ${evicted} keys since the move began`);
}

async function awaitAppendOnlyFile(operation: Operation, node: Node, connection: Connection): Promise<void> {
  // WAITAOF (Redis 7.2) is the exact answer; before it, the everysec policy gives a bound. With appendfsync no there is none.
  const waited = await connection.attempt('WAITAOF', [1, 0, operation.timeoutMs]);
  if (Array.isArray(waited) && waited[0] === 1) return;
  const policy = await connection.attempt('CONFIG', ['GET', 'appendfsync']);
  if (Array.isArray(policy) && policy[1] === 'no')
    throw notDurable(operation, node, 'its appendfsync is no, so nobody knows when its file reaches the disk');
  await sleep(EVERYSEC_MS);
  const facts = await readFacts(connection);
  if (!facts.aofEnabled || !facts.aofWriteOk) throw notDurable(operation, node, 'its append-only file is failing');
}

async function awaitReplica(operation: Operation, node: Node, connection: Connection): Promise<void> {
  // WAIT counts acknowledgements of this connection's own writes, and a fresh connection has none. So offsets are compared instead.
  const target = (await readFacts(connection)).lineage.offset;
  const deadline = Date.now() + operation.timeoutMs;
  for (;;) {
    const {replicas} = await readFacts(connection);
    if (replicas.some(({state, offset}) => state === 'online' && offset >= target)) return;
    if (Date.now() > deadline) throw notDurable(operation, node, 'no replica of it acknowledged the copies in time');
    await sleep(POLL_MS);
  }
}

async function saveNow(operation: Operation, node: Node, connection: Connection): Promise<void> {
  const persistence = async () => parseInfo(String(await connection.call('INFO', ['persistence'])));
  const deadline = Date.now() + BGSAVE_LIMIT_MS;
  const idle = async (): Promise<void> => {
    while (infoText(await persistence(), 'rdb_bgsave_in_progress') === '1') {
      if (Date.now() > deadline) throw notDurable(operation, node, 'its snapshot did not end');
      await sleep(POLL_MS);
    }
  };
  // One that is already running began before the last copy: it does not count.
  await idle();
  const before = infoNumber(await persistence(), 'rdb_saves');
  await connection.call('BGSAVE');
  await idle();
  const after = await persistence();
  const saved = before === null || (infoNumber(after, 'rdb_saves') ?? 0) > before;
  if (infoText(after, 'rdb_last_bgsave_status') !== 'ok' || !saved)
    throw notDurable(operation, node, 'its snapshot failed');
}

function notDurable(operation: Operation, node: Node, why: string): RtopoError {
  return new RtopoError({
    code: 'TARGET_NOT_DURABLE',
    exit: ExitCode.incomplete,
    message: `${node.at} cannot be trusted with the only copy of its keys: ${why}. Nothing was deleted at the sources.`,
    remedy: resumeCommand(operation.id),
    details: {id: operation.id, address: node.at},
  });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
