/** The plan of a change that may replace masters: what is asked of the servers before, and what of it is counted. */
import {endpointOf, withConnection} from '../redis/connect.js';
import {readFacts} from '../redis/fleet.js';
import {addressText} from '../topology/types.js';
import {judgeDurability} from './barrier.js';
import type {Census} from './census.js';
import {nodesOf} from './nodes.js';
import {beforeReplacing, type Change} from './plan.js';
import {type PlanOptions, planRebalance, type RebalancePlan} from './planning.js';
import type {Objection} from './preflight.js';
import type {Consents} from './records.js';
import {preflightReplacements} from './replace-preflight.js';
import {withWay} from './way.js';

/** The plan of any change; of one that replaces masters too. Changes nothing. */
export async function planReplacing(change: Change, options: PlanOptions): Promise<RebalancePlan> {
  const {via: wanted = 'auto', timeoutMs} = options;
  if (change.replacements.length === 0) return withWay(await planRebalance(change, options), {wanted, timeoutMs});
  const {objections, warnings, nodes} = await preflightReplacements(change, options);
  const {settings, consents} = options;
  if (change.isOnlyAddresses || objections.length > 0) {
    options.onServers?.(nodes);
    return {change, nodes, census: UNCOUNTED, objections, settings, consents, warnings, advice: []};
  }
  const before = await planRebalance(beforeReplacing(change), {
    ...options,
    consents: consentsBefore(change, consents),
  });
  const durability = before.objections.length > 0 ? [] : await judgeNewTargets(change, before, options);
  const plan = {
    ...{...before, change, consents},
    objections: [...before.objections, ...durability],
    warnings: [...before.warnings, ...warnings],
  };
  return withWay(plan, {wanted, timeoutMs});
}

/** No key moves, so none is counted. */
const UNCOUNTED: Census = {
  ...{method: 'exact', scanned: 0, sampled: 0, moving: 0, movingPlusMinus: 0, matrix: [], loads: []},
  ...{strays: 0, straysAt: [], strayExamples: []},
  ...{conflicts: 0, rivals: 0, conflictsAt: [], conflictExamples: [], unmeasured: []},
};

/** Whether an old master would keep the keys that come does not matter: it is not the one that receives them. */
function consentsBefore({replacements}: Change, consents: Consents): Consents {
  const news = replacements.map(({next}) => addressText(next.address));
  const olds = replacements.map(({old}) => addressText(old.address));
  return {...consents, acceptVolatile: [...consents.acceptVolatile.filter((at) => !news.includes(at)), ...olds]};
}

async function judgeNewTargets(change: Change, {census}: RebalancePlan, options: PlanOptions): Promise<Objection[]> {
  const receiving = new Set(census.matrix.map(({to}) => to));
  const specs = change.nodes.filter(
    ({name, instance}) => receiving.has(name) && isNew(change, addressText(instance.address)),
  );
  const facts = await Promise.all(
    specs.map(({instance}) => withConnection(endpointOf(instance), options.timeoutMs, readFacts)),
  );
  return judgeDurability({targets: nodesOf(specs, facts), ...options});
}

const isNew = ({replacements}: Change, at: string): boolean =>
  replacements.some(({next}) => addressText(next.address) === at);
