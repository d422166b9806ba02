/** What must hold before a master is replaced. Reads only. All objections at once, and what may surprise later as warnings. */
import {endpointOf, withConnection} from '../redis/connect.js';
import type {ServerFacts} from '../redis/identity.js';
import {factsOf, type Observation, observeTopology} from '../replication/observe.js';
import type {Plan, Step} from '../replication/plan.js';
import {proveOrders} from '../replication/prove.js';
import type {Pair} from '../replication/stand.js';
import {addressText, type Instance, type Shard, sameAddress, type Topology} from '../topology/types.js';
import {type Node, nodesOf} from './nodes.js';
import type {Change} from './plan.js';
import type {Objection} from './preflight.js';
import type {Consents} from './records.js';
import {judgeReplacement, type Means, refusalObjection} from './replace-judge.js';
import type {Replacement} from './replacement.js';

export interface ReplacePreflight {
  readonly objections: readonly Objection[];
  readonly warnings: readonly string[];
  /** The old and the new masters. */
  readonly nodes: readonly Node[];
}

export interface PreflightOptions {
  readonly consents: Consents;
  readonly timeoutMs: number;
}

export function preflightReplacements(change: Change, options: PreflightOptions): Promise<ReplacePreflight> {
  return preflightPairs(change, change.replacements, {...options, isBothWays: true});
}

/** Servers that are filled as replicas and then stand by themselves: nobody follows them back. */
export function preflightChildren(
  change: Change,
  children: readonly Pair<Instance>[],
  options: PreflightOptions,
): Promise<ReplacePreflight> {
  const pairs = children.map(({old, next}) => ({shard: shardOf(change, old), old, next, siblings: []}));
  return preflightPairs(change, pairs, {...options, isBothWays: false});
}

const shardOf = ({from}: Change, {address}: Instance): string =>
  from.topology.shards.find(({master}) => sameAddress(master.address, address))?.name ?? '';

/** @throws RtopoError exit 5 when one of the two masters of a pair cannot be asked */
async function preflightPairs(
  change: Change,
  pairs: readonly Replacement[],
  {consents, timeoutMs, isBothWays}: PreflightOptions & {readonly isBothWays: boolean},
): Promise<ReplacePreflight> {
  const both = withAll(change);
  const observation = await observeTopology(both, timeoutMs);
  const judged = await Promise.all(
    pairs.map(async (replacement) => {
      const [old, next] = [must(observation, replacement.old), must(observation, replacement.next)];
      const [oldMeans, nextMeans] = [
        await readMeans(replacement.old, timeoutMs),
        await readMeans(replacement.next, timeoutMs),
      ];
      const means = {old: oldMeans, next: nextMeans};
      return {
        found: [old, next],
        ...judgeReplacement({replacement, facts: {old, next}, means, both, observation, consents}),
      };
    }),
  );
  const objections = judged.flatMap((one) => one.objections);
  // A plan that is refused is not carried out, and the servers that it names may be any.
  const unproved =
    objections.length > 0
      ? []
      : await proveOrders(planOf(pairs, {observation, isBothWays}), change.to.topology, timeoutMs);
  return {
    objections: [...objections, ...unproved.map(refusalObjection)],
    warnings: isBothWays ? judged.flatMap((one) => one.warnings) : [],
    nodes: nodesOf(
      pairs.flatMap(({shard, old, next}) => [
        {name: shard, instance: old, inFrom: true, inTo: false},
        {name: shard, instance: next, inFrom: false, inTo: true},
      ]),
      judged.flatMap(({found}) => found),
    ),
  };
}

/** Every server of either side, once, each under the shard in which it is declared; new masters stand behind the old ones. */
function withAll({from, to, replacements}: Change): Topology {
  const known = new Set<string>();
  const fresh = (instance: Instance): boolean => {
    const at = addressText(instance.address);
    if (known.has(at)) return false;
    known.add(at);
    return true;
  };
  const shards = from.topology.shards.map((shard): Shard => {
    const next = replacements.filter((one) => one.shard === shard.name).map((one) => one.next);
    known.add(addressText(shard.master.address));
    return {...shard, replicas: [...next, ...shard.replicas].filter(fresh)};
  });
  const joining = to.topology.shards.filter(({master}) => fresh(master)).map((shard) => ({...shard, replicas: []}));
  return {...to.topology, shards: [...shards, ...joining]};
}

function must(observation: Observation, instance: Instance): ServerFacts {
  const observed = observation.byAddress.get(addressText(instance.address));
  if (observed?.reachable) return observed.facts;
  throw observed?.fault ?? new Error(`${addressText(instance.address)} was not asked`);
}

/** What INFO does not say; null where the server may not be asked. */
async function readMeans(instance: Instance, timeoutMs: number): Promise<Means> {
  return withConnection(endpointOf(instance), timeoutMs, async (connection) => {
    const setting = async (name: string): Promise<string | null> => {
      const reply = await connection.attempt('CONFIG', ['GET', name]);
      return Array.isArray(reply) && typeof reply[1] === 'string' ? reply[1] : null;
    };
    const [databases, save, modules] = [
      await setting('databases'),
      await setting('save'),
      await connection.attempt('MODULE', ['LIST']),
    ];
    return {
      databases: databases === null ? null : Number(databases),
      savesSnapshots: save === null ? null : save !== '',
      modules: Array.isArray(modules) ? modules.map((entry) => (Array.isArray(entry) ? String(entry[1]) : '')) : [],
    };
  });
}

/** Both directions of the link: the new one follows first, the old one afterwards. */
function planOf(
  pairs: readonly Replacement[],
  {observation, isBothWays}: {readonly observation: Observation; readonly isBothWays: boolean},
): Pick<Plan, 'shards'> {
  const step = (instance: Instance, parent: Instance): Step => ({
    ...{do: 'replicate-from', instance, parent},
    ...{level: 1, resync: 'full', keysAtRisk: 0},
  });
  const reachable = (instance: Instance): boolean => factsOf(observation, instance) !== null;
  const runIdOf = (instance: Instance) => factsOf(observation, instance)?.runId;
  const shards = pairs
    .filter(({old, next}) => runIdOf(old) !== runIdOf(next))
    .map(({shard, old, next, siblings}: Replacement) => {
      const replicas = siblings.filter(reachable);
      const back = isBothWays ? [step(old, next), ...replicas.map((one) => step(one, next))] : [];
      const steps = [step(next, old), ...back];
      return {shard: {name: shard, node: null, weight: 1, master: old, replicas: [next, ...replicas]}, steps};
    });
  return {shards};
}
