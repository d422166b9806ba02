/** What must hold before a resume and after it, seen by the independent reader of test/rig and never by the product. */
import * as assert from 'uvu/assert';
import {assertNothingLost, assertPlaced, assertSame, assertStatus, everything, said} from '../migration/field.js';
import type {CliResult} from '../rig/cli.js';
import type {Server} from '../rig/servers.js';
import {errorOf, launch} from './launch.js';
import {holders, type Scene} from './scene.js';

/** No key is lost: each is, with its value and its expiry, on one server at least; and no server holds anything else. */
export function assertWhole({before, servers}: Scene, what: string): Promise<void> {
  return assertNothingLost(before, servers, what);
}

/** Nothing was begun: every key lies where it lay, no lock, the file is the old one. */
export async function assertUntouched(scene: Scene, lay: string, what: string): Promise<void> {
  assert.is(await holders(scene.servers), lay, `${what}: keys moved`);
  assertSame(scene.before, await everything(scene.servers), what);
  assert.is(scene.home.text(), scene.from, `${what}: the topology file changed`);
}

/** Each key exactly once, on its owner, as it was; nothing of rtopo's own is left. */
export async function assertFinished(scene: Scene, what: string, lockMayStay = false): Promise<void> {
  const {servers, home, before, from} = scene;
  assertSame(before, await everything(servers), `${what}: finished`);
  await assertPlacedOn(scene, what);
  assert.is.not(home.text(), from, `${what}: the topology file is still the old one`);
  await assertNoTraces(servers, what, lockMayStay);
}

/** The file names endpoints; the keys are looked for on the servers behind them. */
export async function assertPlacedOn({servers, endpoints, home}: Scene, what: string): Promise<void> {
  const behind = servers.map(({raw}, i) => ({raw, address: endpoints[i]!.address}) as Server);
  await assertPlaced(home.text(), behind, `${what}: placed`);
}

/** Where a lock could not be given back the operator has to wait for the end of its lease: here it comes at once. */
export async function endLeases({servers}: Scene, what: string): Promise<void> {
  for (const {address, raw} of servers) {
    const left = Number(await raw.cmd('PTTL', '__rtopo:lock'));
    assert.ok(left === -2 || (left >= 0 && left <= 60_000), `${what}: the lock on ${address} has ${left} ms to live`);
    await raw.cmd('DEL', '__rtopo:lock');
  }
}

/** Lock keys are gone, and whatever else rtopo keeps for itself ends by itself. */
export async function assertNoTraces(servers: readonly Server[], what: string, lockMayStay = false): Promise<void> {
  for (const {address, raw} of servers) {
    for (const name of Object.keys(await raw.info('keyspace'))) {
      await raw.select(Number(name.replace('db', '')));
      for (const key of await ownKeys(raw)) {
        assert.ok(lockMayStay || key !== '__rtopo:lock', `${what}: lock left on ${address}`);
        const left = Number(await raw.cmd('PTTL', key));
        assert.ok(left >= 0 || left === -2, `${what}: ${key} on ${address} would stay for ever`);
      }
    }
    await raw.select(0);
  }
}

async function ownKeys(raw: Server['raw']): Promise<string[]> {
  const found: string[] = [];
  let cursor = '0';
  do {
    const [next, page] = (await raw.cmd('SCAN', cursor, 'MATCH', '__rtopo:*', 'COUNT', 1000)) as [Buffer, Buffer[]];
    found.push(...page.map(String));
    cursor = next.toString();
  } while (cursor !== '0');
  return found;
}

/** What the report counts is what happened: every key that moved was copied and deleted, none is said to have expired. */
export function assertCounted({before}: Scene, {stdout}: CliResult, what: string): void {
  const {keys} = JSON.parse(stdout).result as {keys: Record<string, number>};
  const soonest = Math.min(...[...before.values()].map(({expireAtMs}) => expireAtMs ?? Number.POSITIVE_INFINITY));
  if (soonest < Date.now()) return;
  const {moving, copied, verified, deleted, expired} = keys;
  assert.equal(
    {copied, verified, deleted, expired},
    {copied: moving, verified: moving, deleted: moving, expired: 0},
    `${what}: counts`,
  );
}

/** A finished operation that is resumed again says so and changes nothing. */
export async function assertNoop(scene: Scene, what: string, verb = 'resume'): Promise<void> {
  const [lay, text] = [await holders(scene.servers), scene.home.text()];
  const run = await launch(scene.home, ['rebalance', verb, '--yes', '--json']).done;
  assertStatus(run, 0, `${what}: a second ${verb}`);
  assert.is(await holders(scene.servers), lay, `${what}: a second ${verb} moved keys`);
  assert.is(scene.home.text(), text, `${what}: a second ${verb} changed the file`);
}

/** Has this operation left something to go on with? */
export function isNoOperation(run: CliResult): boolean {
  return run.status === 64 && errorOf(run)?.code === 'NO_OPERATION';
}

/**
 * One resume ends it; where the run died before it had begun anything, there is nothing to resume, everything is as it was, and the
 * command itself runs through. `mayWait`: a lock that could not be given back may stand in the way until its lease ends.
 */
export async function resumeStrictly(scene: Scene, lay: string, what: string, mayWait = false): Promise<CliResult> {
  const run = await launch(scene.home, ['rebalance', 'resume', '--yes', '--json']).done;
  if (!isNoOperation(run)) {
    assertStatus(run, 0, `${what}: resume`);
    return run;
  }
  await assertUntouched(scene, lay, `${what}: nothing to resume`);
  let again = await launch(scene.home, [...scene.args, '--json']).done;
  if (mayWait && errorOf(again)?.code === 'LOCKED') {
    await endLeases(scene, what);
    again = await launch(scene.home, [...scene.args, '--json']).done;
  }
  assertStatus(again, 0, `${what}: the command again`);
  return again;
}

/** An exit that scripts can trust: 4 leaves an operation and says how to go on; 3 and 5 have changed nothing. */
export async function assertHonestEnd(scene: Scene, run: CliResult, lay: string, what: string): Promise<void> {
  const expected = [0, 3, 4, 5];
  assert.ok(expected.includes(run.status ?? -1), `${what}: ${said(run)}`);
  if (run.status === 3 || run.status === 5) await assertUntouched(scene, lay, `${what}: exit ${run.status}`);
  if (run.status === 4)
    assert.match(errorOf(run)?.remedy ?? '', /rtopo rebalance (resume|abort|prune)/, `${what}: ${said(run)}`);
}
