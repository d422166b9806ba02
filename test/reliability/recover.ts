/** The operator's part after an accident: resume, and where that must stop, what the messages tell to do. */
import * as assert from 'uvu/assert';
import {assertStatus, said} from '../migration/field.js';
import {diffSnapshots, keyText, type Snapshot, snapshot} from '../rig/checker.js';
import type {Server} from '../rig/servers.js';
import {assertNoTraces, assertPlacedOn, endLeases, isNoOperation} from './check.js';
import {errorOf, launch} from './launch.js';
import {placersOf, type Scene} from './scene.js';

const MAX_ROUNDS = 6;

/** Goes on until the operation is done. Returns the codes of the refusals on the way. */
export async function recover(scene: Scene, owed: Snapshot, what: string): Promise<string[]> {
  const trail: string[] = [];
  for (let round = 1; round <= MAX_ROUNDS; round++) {
    let run = await launch(scene.home, ['rebalance', 'resume', '--yes', '--json']).done;
    if (isNoOperation(run)) run = await launch(scene.home, [...scene.args, '--json']).done;
    if (run.status === 0) return trail;
    trail.push(errorOf(run)?.code ?? `exit ${run.status}`);
    assert.ok([3, 4].includes(run.status ?? -1), `${what}: ${trail.join(', ')}: ${said(run)}`);
    await assertOwed(scene, owed, `${what}: after ${trail.join(', ')}`);
    await settle(scene);
    if (trail.at(-1) === 'LOCKED') await endLeases(scene, what);
    if (trail.at(-1) === 'NOT_EMPTY') await emptyJoining(scene, owed);
    if (round === MAX_ROUNDS) assertStatus(run, 0, `${what}: still not done after ${trail.join(', ')}`);
  }
  return trail;
}

/** What is still owed is there, with its value, on one server at least. */
export async function assertOwed({servers}: Scene, owed: Snapshot, what: string): Promise<void> {
  const held = await Promise.all(servers.map((server) => snapshot(server)));
  const lost = [...owed.keys()].filter((id) => !isHeld(id, owed, held));
  assert.equal(lost.map(keyText).slice(0, 5), [], `${what}: ${lost.length} keys lost`);
}

function isHeld(id: string, right: Snapshot, held: readonly Snapshot[]): boolean {
  const one = new Map([[id, right.get(id)!]]);
  return held.some(
    (snap) => diffSnapshots(one, snap.has(id) ? new Map([[id, snap.get(id)!]]) : new Map()).length === 0,
  );
}

/** The part of `before` that some server holds as it was. */
export async function heldOf(before: Snapshot, servers: readonly Server[]): Promise<Snapshot> {
  const held = await Promise.all(servers.map((server) => snapshot(server)));
  return new Map([...before].filter(([id]) => isHeld(id, before, held)));
}

/** Of a key with two values the wrong one is deleted: the one that was not there before; where both are wrong, the one off its owner. */
async function settle({servers, endpoints, shape, before}: Scene): Promise<void> {
  const held = await Promise.all(servers.map((server) => snapshot(server)));
  const owner = placersOf({shape, endpoints}).to;
  const ids = new Set(held.flatMap((snap) => [...snap.keys()]));
  for (const id of ids) {
    const on = held.flatMap((snap, i) => (snap.has(id) ? [i] : []));
    const values = new Set(on.map((i) => JSON.stringify(held[i]!.get(id))));
    if (values.size < 2) continue;
    const [db, hex] = [Number(id.slice(0, id.indexOf(':'))), id.slice(id.indexOf(':') + 1)];
    const key = Buffer.from(hex, 'hex');
    const right = JSON.stringify(before.get(id));
    const keep = on.some((i) => JSON.stringify(held[i]!.get(id)) === right)
      ? (i: number) => JSON.stringify(held[i]!.get(id)) === right
      : (i: number) => i === owner(key);
    for (const i of on.filter((i) => !keep(i))) await deleteKey(servers[i]!, db, key);
  }
}

async function deleteKey({raw}: Server, db: number, key: Buffer): Promise<void> {
  await raw.pipeline([
    ['SELECT', db],
    ['DEL', key],
    ['SELECT', 0],
  ]);
}

/** A server that is to join must be empty; what it holds is no loss while the others have everything. */
async function emptyJoining(scene: Scene, owed: Snapshot): Promise<void> {
  const {servers, endpoints, from} = scene;
  const joining = endpoints.map(({address}, i) => (from.includes(address) ? -1 : i)).filter((i) => i >= 0);
  const others = servers.filter((_, i) => !joining.includes(i));
  assert.is(
    (await heldOf(owed, others)).size,
    owed.size,
    'a joining server holds what nobody else has, and was never cut over to',
  );
  for (const i of joining) await servers[i]!.raw.cmd('FLUSHALL');
}

/** Each key that is owed exactly once, on its owner, as it was; no other key on two servers; nothing of rtopo's own left. */
export async function assertOwedFinished(
  scene: Scene,
  owed: Snapshot,
  what: string,
  lockMayStay = false,
): Promise<void> {
  await assertOwed(scene, owed, `${what}: finished`);
  await assertPlacedOn(scene, what);
  await assertNoTraces(scene.servers, what, lockMayStay);
  assert.is.not(scene.home.text(), scene.from, `${what}: the topology file is still the old one`);
}
