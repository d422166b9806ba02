/**
 * Which instance of a source is read. A replica spares its master the reading, and only that: it is deleted at the master, by comparison.
 * It must hold all that the master held when copying began.
 */
import {ExitCode, RtopoError} from '../errors.js';
import {type Connection, endpointOf, withConnection} from '../redis/connect.js';
import {readFacts} from '../redis/fleet.js';
import type {ServerFacts} from '../redis/identity.js';
import {addressText, type Instance} from '../topology/types.js';
import type {Node} from './nodes.js';
import {type Operation, resumeCommand} from './operation.js';

const POLL_MS = 50;

/** By node number, what stands in for it when its keys are read. Empty unless `readFrom` says replica. */
export async function chooseReaders(operation: Operation): Promise<ReadonlyMap<number, Node>> {
  if (operation.settings.readFrom === 'master') return new Map();
  const giving = new Set(operation.matrix.map(({from}) => from));
  const sources = operation.nodes.filter(({name, inFrom}) => inFrom && giving.has(name));
  const chosen = await Promise.all(
    sources.map(async (node): Promise<[number, Node]> => [node.number, await readerOf(operation, node)]),
  );
  return new Map(chosen);
}

async function readerOf(operation: Operation, node: Node): Promise<Node> {
  const {timeoutMs} = operation;
  const reasons: string[] = [];
  for (const instance of replicasOf(operation, node)) {
    const at = addressText(instance.address);
    try {
      const masterFacts = await withConnection(endpointOf(node.instance), timeoutMs, (one) => readFacts(one));
      const facts = await withConnection(endpointOf(instance), timeoutMs, (one) =>
        caughtUp(one, masterFacts, timeoutMs),
      );
      if (facts !== null) return {...node, instance, at, facts};
      reasons.push(`${at} has not caught up with its master`);
    } catch (error) {
      if (!(error instanceof RtopoError)) throw error;
      reasons.push(error.message);
    }
  }
  throw new RtopoError({
    code: 'NO_REPLICA_TO_READ',
    exit: ExitCode.incomplete,
    message: `No replica of shard ${node.name} can be read in place of ${node.at}: ${reasons.join('; ') || 'none is declared'}. Nothing was deleted.`,
    remedy: `rtopo status; then: ${resumeCommand(operation)}`,
    details: {id: operation.id},
  });
}

function replicasOf({change}: Operation, {instance}: Node): readonly Instance[] {
  const master = addressText(instance.address);
  const shard = change.from.topology.shards.find((one) => addressText(one.master.address) === master);
  return shard?.replicas ?? [];
}

/** The facts of a replica that holds all that its master held then; null when it does not get there in time. */
async function caughtUp(connection: Connection, master: ServerFacts, timeoutMs: number): Promise<ServerFacts | null> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const facts = await readFacts(connection);
    const isFollowing = facts.role.kind === 'replica' && facts.linkUp === true && !facts.syncInProgress;
    if (isFollowing && facts.lineage.replid === master.lineage.replid && facts.lineage.offset >= master.lineage.offset)
      return facts;
    if (!isFollowing || Date.now() > deadline) return null;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
