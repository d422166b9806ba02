/** How the keys of a plan travel: copied one by one, or with all of their source by replication. Decided while it is planned; changes nothing. */
import {type Connection, endpointOf, withConnection} from '../redis/connect.js';
import type {Pair} from '../replication/stand.js';
import {type Instance, sameAddress} from '../topology/types.js';
import type {Change} from './plan.js';
import type {RebalancePlan} from './planning.js';
import type {Objection} from './preflight.js';
import {preflightChildren} from './replace-preflight.js';
import {chooseWay, parentage, type Wanted, type Way} from './split.js';

/** What is echoed to see how fast the way to a server is; bytes. */
const ECHO_BYTES = 512 * 1024;

/** The plan with its way; objections are added only for one that was asked for by name, for there is always the other. */
export async function withWay(
  plan: RebalancePlan,
  {wanted, timeoutMs}: {readonly wanted: Wanted; readonly timeoutMs: number},
): Promise<RebalancePlan> {
  const copying: RebalancePlan = {...plan, settings: {...plan.settings, via: 'copy'}};
  if (plan.objections.length > 0 || plan.census.moving === 0) return copying;
  const {change, census} = plan;
  const hindrance = hindranceOf(plan) ?? parentage(change, census.matrix).why;
  if (hindrance !== null) return wanted === 'replicate' ? refused(copying, [cannot(hindrance)]) : copying;
  const linkBytesPerSecond = wanted === 'auto' ? await measureLink(change, timeoutMs) : null;
  const way = chooseWay({change, census, wanted, linkBytesPerSecond});
  if (way.via === 'copy') return {...copying, way};
  const {objections} = await preflightChildren(change, instancesOf(change, census.matrix), {...plan, timeoutMs});
  if (objections.length === 0) return {...plan, way, settings: {...plan.settings, via: 'replicate'}};
  if (wanted === 'replicate') return refused(copying, objections);
  const why = `Keys are copied. Replication would be quicker, but: ${objections[0]!.message}`;
  return {...copying, way: {...way, via: 'copy', why}};
}

const refused = (plan: RebalancePlan, objections: readonly Objection[]): RebalancePlan => ({...plan, objections});

function cannot(why: string): Objection {
  return {
    code: 'CANNOT_REPLICATE',
    at: '',
    message: `--via replicate is not possible: ${why}.`,
    consent: null,
    remedy: 'repeat with --via copy',
  };
}

/** What replication would carry along that is to stay, or what is not known for sure. */
function hindranceOf({census, settings, change}: RebalancePlan): string | null {
  if (settings.strays === 'keep' && census.strays > 0)
    return 'keys that stay where they do not belong would come along';
  const sources = change.nodes.filter(({inFrom}) => inFrom);
  if (census.method === 'sample' && sources.length > 1)
    return 'a sample does not tell whether a shard gets keys from one server only';
  return null;
}

/** Parent and child, where they are while it is planned: a parent that is to be replaced is still the old one. */
function instancesOf({nodes, replacements}: Change, matrix: Parameters<typeof parentage>[1]): Pair<Instance>[] {
  const now = (instance: Instance): Instance =>
    replacements.find(({next}) => sameAddress(next.address, instance.address))?.old ?? instance;
  return parentage({nodes}, matrix).children.map(({child, parent}) => ({
    old: now(nodes[parent]!.instance),
    next: nodes[child]!.instance,
  }));
}

/** Copies pass through rtopo, a replica's do not: over a thin line that decides. Null when nothing can be measured. */
async function measureLink(change: Change, timeoutMs: number): Promise<number | null> {
  const source = change.nodes.find(({inFrom}) => inFrom);
  const at = change.replacements.find(({next}) => next === source?.instance)?.old ?? source?.instance;
  if (at === undefined) return null;
  return withConnection(endpointOf(at), timeoutMs, async (connection) => {
    const shortMs = await timeEcho(connection, 1);
    const longMs = await timeEcho(connection, ECHO_BYTES);
    if (shortMs === null || longMs === null) return null;
    // A difference too small to be measured is a fast line.
    return longMs - shortMs < 1 ? null : (2 * ECHO_BYTES * 1000) / (longMs - shortMs);
  });
}

async function timeEcho(connection: Connection, size: number): Promise<number | null> {
  const startedMs = performance.now();
  const reply = await connection.attempt('ECHO', ['x'.repeat(size)]);
  return reply === null ? null : performance.now() - startedMs;
}

export type {Way};
