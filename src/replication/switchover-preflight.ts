/** Everything that is asked of the servers before a change of master. Reads only, so that `--dry-run` runs all of it. */
import {ExitCode, RtopoError, rememberSecret} from '../errors.js';
import {describeHolder, LOCK_KEY} from '../journal/lock.js';
import {Connection, endpointOf, withConnection} from '../redis/connect.js';
import {grantLine} from '../redis/permissions.js';
import type {Refusal} from '../report/replicate.js';
import {addressText, type Instance, instancesOf, type Shard} from '../topology/types.js';
import {SENTINEL_REMEDY} from './authority.js';
import {staleCopies} from './lock-copies.js';
import {factsOf, type Observation, observeTopology} from './observe.js';
import type {Plan, Step} from './plan.js';
import {proveOrders} from './prove.js';
import {type Means, readMeans} from './switchover-means.js';
import {planSwitchover, type SwitchInput, type SwitchPlan} from './switchover-plan.js';

export type SwitchRequest = Omit<SwitchInput, 'observation' | 'means'>;

/** @throws RtopoError exit 64 for names that are not declared */
export async function prepareSwitchover(request: SwitchRequest, timeoutMs: number): Promise<SwitchPlan> {
  const {topology, shard} = request;
  const observation = await observeTopology({...topology, shards: [shard]}, timeoutMs);
  const means = await meansOf(shard, observation, timeoutMs);
  const plan = planSwitchover({...request, observation, means});
  const {old, next, siblings} = plan;
  const refused = [...plan.refused, ...refuseLocked(shard, observation, means), ...refuseSentinel(shard, means)];
  if (next === null) return {...plan, refused};
  const fits = [old, next].flatMap((one) => refuseRights(shard, one, means.get(addressText(one.address))));
  // A plan that is refused is not carried out, and the servers that it names may be any.
  if (refused.length > 0 || fits.length > 0) return {...plan, refused: [...refused, ...fits]};
  const reachable = siblings.filter((one) => factsOf(observation, one) !== null);
  const proved = await proveOrders(ordersOf(shard, next, [old, ...reachable]), topology, timeoutMs);
  const login =
    proved.length === 0 && topology.replicationAuth === null ? await proveWayBack(shard, {old, next}, timeoutMs) : [];
  return {...plan, refused: [...proved, ...login]};
}

/** Of the instances that answer, by address. */
export async function meansOf(shard: Shard, observation: Observation, timeoutMs: number): Promise<Map<string, Means>> {
  const able = instancesOf(shard).filter((instance) => factsOf(observation, instance) !== null);
  const found = await Promise.all(
    able.map(async (instance) => {
      const means = await readMeans(instance, timeoutMs).catch((error) => {
        // It answered a moment ago; who is gone since is met again, and told, when something is asked of it.
        if (error instanceof RtopoError && error.exit === ExitCode.unreachable) return null;
        throw error;
      });
      return [addressText(instance.address), means] as const;
    }),
  );
  return new Map(found.flatMap(([at, means]) => (means === null ? [] : [[at, means]])));
}

/** Another rtopo is at work on the shard. */
export function refuseLocked(shard: Shard, observation: Observation, means: ReadonlyMap<string, Means>): Refusal[] {
  const stale = staleCopies([shard], observation, ({address}) => means.get(addressText(address))?.lock);
  return [...means].flatMap(([instance, {lock}]): Refusal[] =>
    lock === null || stale.has(instance)
      ? []
      : [
          {
            ...{shard: shard.name, instance, code: 'LOCKED', consent: null},
            message: `${instance} is locked by ${describeHolder(lock)}.`,
            remedy: 'wait for it to end; when its process is dead, its lock ends by itself within 60 s',
          },
        ],
  );
}

/** A Sentinel would do the same at the same time, or undo it. */
export function refuseSentinel(shard: Shard, means: ReadonlyMap<string, Means>): Refusal[] {
  return [...means].flatMap(([instance, {hasSentinel}]): Refusal[] =>
    hasSentinel
      ? [
          {
            ...{shard: shard.name, instance, code: 'SENTINEL_ATTACHED', consent: null},
            message: `A Sentinel is connected to ${instance}: it would undo what rtopo does, or do it at the same time.`,
            remedy: SENTINEL_REMEDY,
          },
        ]
      : [],
  );
}

/** `needed`: of what a planned change uses, what the change at hand does; default: all of it. */
export function refuseRights(
  shard: Shard,
  instance: Instance,
  means: Means | undefined,
  needed: (command: string) => boolean = () => true,
): Refusal[] {
  const denied = (means?.denied ?? []).filter(needed);
  const missing = (means?.missing ?? []).map((name) => name.toUpperCase()).filter((name) => needed(`${name} `));
  const at = addressText(instance.address);
  const absent: Refusal[] = missing.map((name) => ({
    ...{code: 'COMMAND_MISSING', shard: shard.name, instance: at, consent: null},
    message: `${at} does not know ${name}: renamed away, or a managed service. Without it a change of master cannot be carried to its end.`,
    remedy: `restore ${name} in its configuration (rename-command), and restart it`,
  }));
  if (denied.length === 0) return absent;
  return [
    ...absent,
    {
      ...{code: 'NO_PERMISSION', shard: shard.name, instance: at, consent: null},
      message: `The login of rtopo may not use on ${at}: ${denied.join(', ')}.`,
      remedy: `on ${at}: ${grantLine(instance.auth?.username ?? 'default', denied.map(ruleOf))} ~${LOCK_KEY}`,
    },
  ];
}

function ruleOf(command: string): string {
  const [name, sub] = command.toLowerCase().split(' ') as [string, string?];
  return name === 'client' || name === 'config' ? `${name}|${sub}` : name;
}

interface Cast {
  readonly old: Instance;
  readonly next: Instance;
}

/** The links that will be made, for the checks that `replicate` makes of such links. */
export function ordersOf(shard: Shard, next: Instance, children: readonly Instance[]): Pick<Plan, 'shards'> {
  const steps = children.map(
    (instance): Step => ({
      ...{do: 'replicate-from', instance, parent: next},
      ...{level: 1, resync: 'partial', keysAtRisk: 0},
    }),
  );
  const promote: Step = {do: 'promote', instance: next};
  return {shards: [{shard, steps: [promote, ...steps]}]};
}

/** Nothing is declared, so the old master goes by the login that it has: tried at the new one, as it will be. */
async function proveWayBack(shard: Shard, {old, next}: Cast, timeoutMs: number): Promise<Refusal[]> {
  const login = await withConnection(endpointOf(old), timeoutMs, async (connection) => {
    const read = async (name: string): Promise<string> => {
      const reply = await connection.attempt('CONFIG', ['GET', name]);
      return Array.isArray(reply) && typeof reply[1] === 'string' ? reply[1] : '';
    };
    return {user: await read('masteruser'), password: await read('masterauth')};
  });
  if (login.password === '') return [];
  rememberSecret(login.password);
  const connection = await Connection.open({...endpointOf(next), auth: null}, timeoutMs);
  try {
    await connection.call('AUTH', login.user === '' ? [login.password] : [login.user, login.password]);
    return [];
  } catch (error) {
    if (!(error instanceof RtopoError) || error.code !== 'AUTH_FAILED') throw error;
    // A server that wants no login takes any.
    if (/without any password configured|no password is set/i.test(String(error.details?.reply))) return [];
    const [at, to] = [addressText(old.address), addressText(next.address)];
    return [
      {
        ...{code: 'REPLICATION_LOGIN', shard: shard.name, instance: at, consent: null},
        message: `${at} could not replicate from ${to} with the masterauth that it has: ${error.message}`,
        remedy: 'declare `replicationAuth:` in the topology file, with passwordEnv, passwordFile or passwordCommand',
      },
    ];
  } finally {
    connection.close();
  }
}
