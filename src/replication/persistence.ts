/** Pure: does a role outlive a restart, as far as the server tells, and what is planned where it does not. */
import type {ServerFacts} from '../redis/identity.js';
import type {RoleOrders} from '../redis/info.js';
import {addressText} from '../topology/types.js';
import type {Draft, PlanInput} from './plan.js';

/**
 * Changed while the server ran. REPLICAOF NO ONE to a master changes nothing; one that was promoted keeps its former history. Without a
 * config file every server starts as a master.
 */
export function isChangedRole({role, lineage, configFile}: ServerFacts, orders: RoleOrders | null): boolean {
  if (orders === null || orders.changes === 0) return false;
  return role.kind !== 'master' || (lineage.replid2 !== null && configFile);
}

/** Changed, and the config file was not written since. False too where the server does not say. */
export function isUnwritten(facts: ServerFacts, orders: RoleOrders | null): boolean {
  return facts.configFile && isChangedRole(facts, orders) && orders?.rewrites === 0;
}

/**
 * Last of all, and only where nothing else is ordered: every other step writes the config file too. A server that was asked to write it
 * and could not is left alone, for whoever asked was told; it would be asked in vain with each run.
 */
export function planPersistence(
  {observation, owed}: Pick<PlanInput, 'observation' | 'owed'>,
  {nodes, steps, unchanged}: Draft,
  needsLogin: boolean,
): void {
  for (const {instance, facts} of nodes) {
    if (facts === null || !unchanged.has(instance) || steps.some((step) => step.instance === instance)) continue;
    const at = addressText(instance.address);
    const observed = observation.byAddress.get(at);
    const orders = (observed?.reachable ? observed.orders : null) ?? null;
    const unfinished = owed?.get(at) ?? [];
    const isDue = unfinished.length > 0 || (isUnwritten(facts, orders) && orders?.isRewriteTried !== true);
    if (!facts.configFile || !isDue) continue;
    unchanged.delete(instance);
    // Of a login its user may have been set, and not its password.
    steps.push({do: needsLogin && unfinished.includes('set-auth') ? 'set-auth' : 'persist', instance});
  }
}
