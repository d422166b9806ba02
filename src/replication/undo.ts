/**
 * A link that does not come up is taken back: the instance returns straight to its former master, so that its history, and with it a partial
 * resync, is kept. By way of NO ONE only one that was a master itself. Once the data of the instance is on its way out, there is no way back.
 */
import {escapeText, RtopoError} from '../errors.js';
import type {ServerFacts} from '../redis/identity.js';
import {addressText, type Instance} from '../topology/types.js';
import {listedBy, namesOf} from './graph.js';
import {isOrdered} from './link.js';
import {Orders, type Persisted, persist, replicaOf} from './orders.js';
import type {Step} from './plan.js';
import type {Recorder} from './replicate-run.js';
import type {Watched} from './sight.js';
import type {Sources} from './sources.js';

type ReplicateFrom = Step & {readonly do: 'replicate-from'};

export type Undo =
  | {readonly do: 'return'; readonly host: string; readonly port: number}
  | {readonly do: 'lead'}
  | {readonly do: 'leave'; readonly why: string};

export interface Scene {
  readonly step: ReplicateFrom;
  /** The instance before the order was given, and as it is now. */
  readonly before: ServerFacts;
  readonly now: ServerFacts;
  /** Its parent as it is now; null when it does not answer. */
  readonly above: ServerFacts | null;
}

/** Pure: what is to be done about it. */
export function undoOf(scene: Scene): Undo {
  const {step, before, now} = scene;
  const leave = (why: string): Undo => ({do: 'leave', why});
  if (!isOrdered(step, now)) return leave('it does not follow as it was told');
  if (isOrdered(step, before)) return leave('it followed like that before');
  if (now.linkUp === true) return leave('the link has come up by now');
  if (now.loading || now.syncInProgress || isBeingServed(scene)) return leave('its synchronisation is under way');
  if (before.role.kind === 'replica') return {do: 'return', host: before.role.host, port: before.role.port};
  if (before.keys > 0 && now.keys === 0) return leave('the keys that it held as a master are gone already');
  return {do: 'lead'};
}

/** While a snapshot is made for it, the replica itself knows of nothing yet. */
function isBeingServed({step, now, above}: Scene): boolean {
  if (above === null) return false;
  const node = (instance: Instance, facts: ServerFacts) => ({instance, facts, names: namesOf(instance)});
  const link = {child: node(step.instance, now), parent: node(step.parent, above)};
  const entry = listedBy(link, [link.parent, link.child]);
  return entry === null ? above.replicas.some(({state}) => state !== 'online') : true;
}

export interface Undone {
  readonly isUndone: boolean;
  /** What became of it, as a sentence. */
  readonly message: string;
  readonly persisted: Persisted | null;
}

/** Never throws for what is wrong with the server: that it could not be undone is what the step says then. */
export async function undo(
  step: ReplicateFrom,
  before: ServerFacts,
  servers: {child: Watched; sources: Sources},
  recorder?: Recorder,
): Promise<Undone> {
  const at = addressText(step.instance.address);
  try {
    const {facts: now} = await servers.child.look();
    const above = await servers.sources.look(step.parent).then(
      ({facts}) => facts,
      () => null,
    );
    const plan = undoOf({step, before, now, above});
    if (plan.do === 'leave') return {isUndone: false, message: `It was left as ordered: ${plan.why}.`, persisted: null};
    const orders = new Orders(await servers.child.connection());
    await record(step, recorder);
    await replicaOf(orders, step.instance, plan.do === 'lead' ? ['NO', 'ONE'] : [plan.host, plan.port]);
    const persisted = await persist(orders);
    recorder?.settled(at, persisted);
    const was = plan.do === 'lead' ? 'a master, as before' : `a replica of ${escapeText(addressText(plan))}, as before`;
    return {isUndone: true, message: `That was undone: ${at} is ${was}.`, persisted};
  } catch (error) {
    if (!(error instanceof RtopoError)) throw error;
    return {isUndone: false, message: `It could not be undone: ${error.message}`, persisted: null};
  }
}

/** A journal that fails stops no way back: the order before this one is owed, and stays so. */
async function record({instance}: ReplicateFrom, recorder?: Recorder): Promise<void> {
  const at = addressText(instance.address);
  await recorder?.ordering({instance: at, what: 'undo', target: null}).catch(() => undefined);
}
