/**
 * Proof before the first change: the login that replicas are going to use is tried on every parent. With a wrong one the server
 * would answer OK to REPLICAOF, and from Redis 6.2 the replica would knock thousands of times a second.
 */
import {RtopoError, refusal} from '../errors.js';
import {Connection, endpointOf} from '../redis/connect.js';
import type {Refusal} from '../report/replicate.js';
import {type Auth, addressText, type Instance} from '../topology/types.js';
import type {Plan} from './plan.js';

/** One refusal for each parent that does not let the replication login in, or does not permit it to replicate. */
export async function proveReplicationLogin(plan: Plan, auth: Auth | null, timeoutMs: number): Promise<Refusal[]> {
  if (auth === null) return [];
  const parents = new Map<Instance, string>();
  for (const {shard, steps} of plan.shards) {
    for (const step of steps) if (step.do === 'replicate-from') parents.set(step.parent, shard.name);
  }
  const proofs = await Promise.all([...parents].map(([parent, shard]) => proveOne({parent, shard, auth, timeoutMs})));
  return proofs.flat();
}

async function proveOne(subject: {parent: Instance; shard: string; auth: Auth; timeoutMs: number}): Promise<Refusal[]> {
  const {parent, shard, auth, timeoutMs} = subject;
  let connection: Connection | null = null;
  try {
    connection = await Connection.open({...endpointOf(parent), auth}, timeoutMs);
    await connection.call('PING');
    await connection.call('REPLCONF', ['capa', 'psync2']);
    await assertMayPsync(parent, auth, timeoutMs);
    return [];
  } catch (error) {
    if (!(error instanceof RtopoError)) throw error;
    const who = auth.username === null ? 'the default user' : `user ${auth.username}`;
    return [
      {
        code: 'REPLICATION_LOGIN',
        shard,
        instance: addressText(parent.address),
        message: `Replicas could not log in to ${addressText(parent.address)} as ${who}: ${error.message}`,
        consent: null,
        remedy: `ACL SETUSER ${auth.username ?? 'default'} on +psync +replconf +ping, and the right secret under \`replicationAuth:\``,
      },
    ];
  } finally {
    connection?.close();
  }
}

/** PSYNC cannot be tried without its effect, so the server is asked what it would say (Redis 7, and only if rtopo's own login may ask). */
async function assertMayPsync(parent: Instance, auth: Auth, timeoutMs: number): Promise<void> {
  const connection = await Connection.open(endpointOf(parent), timeoutMs);
  try {
    const verdict = await connection.attempt('ACL', ['DRYRUN', auth.username ?? 'default', 'PSYNC', '?', '-1']);
    if (verdict === null || verdict === 'OK') return;
    throw refusal({code: 'NO_PERMISSION', message: String(verdict)});
  } finally {
    connection.close();
  }
}
