/**
 * Proof before the first change, as far as a server can be asked: the login that replicas are going to use is tried on every parent.
 * With a wrong one the server would answer OK to REPLICAOF, and from Redis 6.2 the replica would knock thousands of times a second.
 */
import {ExitCode, RtopoError, rememberSecret} from '../errors.js';
import {Connection, endpointOf, withConnection} from '../redis/connect.js';
import type {Refusal} from '../report/replicate.js';
import {type Auth, addressText, type Instance, type Topology} from '../topology/types.js';
import {SENTINEL_REMEDY, sentinelsAt, takesNoOrders} from './authority.js';
import type {Plan, Step} from './plan.js';

interface Subject {
  readonly shard: string;
  readonly instance: Instance;
  readonly timeoutMs: number;
}

/** What the servers themselves would refuse, or somebody else would undo. Changes nothing. */
export async function proveOrders(
  plan: Pick<Plan, 'shards'>,
  topology: Topology,
  timeoutMs: number,
): Promise<Refusal[]> {
  const moves = plan.shards.flatMap(({shard, steps}) =>
    steps.flatMap((step) => (step.do === 'promote' || step.do === 'replicate-from' ? [{shard: shard.name, step}] : [])),
  );
  const auth = topology.replicationAuth;
  const parents = new Map<Instance, Subject>();
  for (const {shard, step} of moves) {
    if (step.do === 'replicate-from') parents.set(step.parent, {shard, instance: step.parent, timeoutMs});
  }
  const orders = moves.map(({shard, step}) => proveObedience({shard, instance: step.instance, timeoutMs}));
  const logins =
    auth === null
      ? moves.map(({shard, step}) => proveOwnLogin({shard, instance: step.instance, timeoutMs}, step))
      : [...parents.values()].map((subject) => proveLogin(subject, auth));
  return (await Promise.all([...orders, ...logins])).flat();
}

/** The order must exist on the server, and no Sentinel may be there to give others. */
async function proveObedience({shard, instance, timeoutMs}: Subject): Promise<Refusal[]> {
  const at = addressText(instance.address);
  const common = {shard, instance: at, consent: null};
  const [isDeaf, sentinels] = await withConnection(endpointOf(instance), timeoutMs, (connection) =>
    Promise.all([takesNoOrders(connection), sentinelsAt(connection)]),
  );
  if (isDeaf) {
    return [
      {
        ...common,
        code: 'REPLICAOF_DISABLED',
        message: `${at} knows neither REPLICAOF nor SLAVEOF: renamed away, or a managed service.`,
        remedy: "use the provider's tools for its replication, or restore the command in its configuration",
      },
    ];
  }
  if (sentinels.length > 0) {
    return [
      {
        ...common,
        code: 'SENTINEL_ATTACHED',
        message: `A Sentinel is connected to ${at}: it would undo what rtopo does, or do it at the same time.`,
        remedy: SENTINEL_REMEDY,
      },
    ];
  }
  return [];
}

async function proveLogin({shard, instance, timeoutMs}: Subject, auth: Auth): Promise<Refusal[]> {
  const at = addressText(instance.address);
  const user = auth.username ?? 'default';
  let failure: RtopoError | null = null;
  let verdict: string | null = null;
  try {
    const connection = await Connection.open({...endpointOf(instance), auth}, timeoutMs, false);
    try {
      await connection.call('PING');
      await connection.call('REPLCONF', ['capa', 'psync2']);
    } finally {
      connection.close();
    }
    verdict = await mayPsync(instance, user, timeoutMs);
  } catch (error) {
    if (!(error instanceof RtopoError) || isOurs(error)) throw error;
    failure = error;
  }
  if (failure === null && verdict === null) return [];
  const denied = verdict !== null || failure?.code === 'NO_PERMISSION';
  return [
    {
      code: 'REPLICATION_LOGIN',
      shard,
      instance: at,
      message: `Replicas could not replicate from ${at} as user ${user}: ${verdict ?? failure?.message}`,
      consent: null,
      remedy: denied
        ? `on ${at}: ACL SETUSER ${user} on +psync +replconf +ping`
        : 'mend the user name or the secret under `replicationAuth:` (default: `auth:`) in the topology file',
    },
  ];
}

function isOurs({exit}: RtopoError): boolean {
  return exit === ExitCode.topology || exit === ExitCode.usage;
}

/** PSYNC cannot be tried without its effect, so the server is asked what it would say (Redis 7, and only if rtopo's own login may ask). */
async function mayPsync(instance: Instance, user: string, timeoutMs: number): Promise<string | null> {
  const verdict = await withConnection(endpointOf(instance), timeoutMs, (connection) =>
    connection.attempt('ACL', ['DRYRUN', user, 'PSYNC', '?', '-1']),
  );
  return verdict === null || verdict === 'OK' ? null : `${String(verdict)}.`;
}

/** Nothing is declared, so the replica must have a login of its own where the parent wants one. */
async function proveOwnLogin(subject: Subject, step: Step): Promise<Refusal[]> {
  if (step.do !== 'replicate-from') return [];
  const {shard, instance, timeoutMs} = subject;
  if (!(await wantsLogin(step.parent, timeoutMs))) return [];
  const own = await withConnection(endpointOf(instance), timeoutMs, (connection) =>
    connection.attempt('CONFIG', ['GET', 'masterauth']),
  );
  // It comes in clear text: whatever prints it by mistake from here on prints nothing.
  if (Array.isArray(own)) rememberSecret(String(own[1]));
  if (!Array.isArray(own) || own[1] !== '') return [];
  const [at, parent] = [addressText(instance.address), addressText(step.parent.address)];
  return [
    {
      code: 'REPLICATION_LOGIN',
      shard,
      instance: at,
      message: `${parent} wants a login from its replicas, and ${at} has none (masterauth is empty).`,
      consent: null,
      remedy: 'declare `replicationAuth:` in the topology file, with passwordEnv, passwordFile or passwordCommand',
    },
  ];
}

async function wantsLogin(parent: Instance, timeoutMs: number): Promise<boolean> {
  const connection = await Connection.open({...endpointOf(parent), auth: null}, timeoutMs);
  try {
    await connection.call('PING');
    return false;
  } catch (error) {
    if (error instanceof RtopoError && error.code === 'AUTH_REQUIRED') return true;
    throw error;
  } finally {
    connection.close();
  }
}
