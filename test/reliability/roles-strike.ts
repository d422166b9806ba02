/** A case of the layer `roles` in which something comes over a server in the middle of a run. */
import {readFileSync} from 'node:fs';
import * as assert from 'uvu/assert';
import type {Started} from '../rig/cli.js';
import {type Ledger, moreWrites, startLedger} from '../rig/ledger.js';
import type {Server} from '../rig/servers.js';
import {sleep, until} from '../rig/wait.js';
import {launch} from './launch.js';
import type {Outcome} from './layer.js';
import {
  assertHonest,
  assertKept,
  assertOneWritable,
  type Held,
  heldBy,
  isUp,
  leaderOf,
  roleOf,
  told,
  unionOf,
  watchLeaders,
} from './roles-check.js';
import {converge} from './roles-recover.js';
import {type Phase, phases, type Strike, type StrikeName, strikes} from './roles-strikes.js';
import {argsOf, type Role, save, type World} from './roles-world.js';

const preload = new URL('../rig/kill-order.mjs', import.meta.url).href;

const stopAt = ({order, n, when}: Phase): Record<string, string> => ({
  NODE_OPTIONS: `--import ${preload}`,
  RTOPO_KILL_ORDER: order.source,
  RTOPO_KILL_ORDER_AT: `${n}:${when}`,
  RTOPO_KILL_SIGNAL: 'SIGSTOP',
});

export interface StrikeCase {
  readonly role: Role;
  readonly name: StrikeName;
  readonly phase: string;
}

export async function runStrike(world: World, {role, name, phase}: StrikeCase): Promise<Outcome> {
  const {course, cast} = world;
  const what = `${course} ${role} ${name} ${phase}`;
  const fault: Strike = strikes[name];
  const blow: Blow = {fault, server: cast[role], ledger: null, wasMaster: false};
  if (course === 'dead') await die(world);
  // What a server loses with its data was acknowledged by it, and is no loss of a change of master.
  else if (fault.losesData !== true) blow.ledger = startLedger(writtenTo(world), 2, 2);
  const watching = watchLeaders(world);
  try {
    if (blow.ledger !== null) await moreWrites(blow.ledger, 20);
    const env = {...world.env, ...stopAt(phases[course][phase]!)};
    const run = launch(world.home, argsOf(world), {env});
    if (!(await standsStill(run))) {
      const ended = await run.done;
      assertHonest(ended, what);
      return {hit: false, met: 'over'};
    }
    const held = await strikeNow(world, blow);
    run.kill('SIGCONT');
    const [ended] = await Promise.all([run.done, fault.meanwhile?.(world, blow.server)]);
    const heard = `${what}: ${told(ended)}`;
    assertHonest(ended, what);
    await assertOneWritable(world, heard);
    await assertKept(world, held, heard);
    await mend(world, blow);
    // Where the fault itself has emptied all of them there is nothing left to converge on, but what a dead master has on its disk.
    const isAllLost = unionOf(held).size === 0 && course !== 'dead';
    if (isAllLost) return {hit: true, met: `${course} ${role} ${name} (all of them emptied by it)`};
    const trail = await converge(world, ended, {held, what, revive: () => revive(world)});
    assert.equal(await watching.stop(), [], `two masters: [${trail.join(' | ')}] ${heard}`);
    await assertLedger(world, blow.ledger, `[${trail.join(' | ')}] ${heard}`);
    return {hit: true, met: `${course} ${role} ${name}`};
  } finally {
    await watching.stop();
    await blow.ledger?.close();
  }
}

/** Clients know those between whom the mastership passes, and no server that only joins. */
const writtenTo = ({course, cast: {master, candidate}}: World): Server[] =>
  course === 'failover' || course === 'pause' ? [master, candidate] : [master];

interface Blow {
  readonly fault: Strike;
  readonly server: Server;
  ledger: Ledger | null;
  /** It led when it was struck: that it leads afterwards is then nobody's doing. */
  wasMaster: boolean;
}

/** It dies with all that it has acknowledged on its disk, and with its replicas. */
export async function die(world: World): Promise<void> {
  const {master, candidate, sibling} = world.cast;
  await save(world.rig, master);
  await master.kill();
  world.dead.add(master);
  for (const one of [candidate, sibling])
    await until('it is missed', async () => (await one.raw.info('replication')).master_link_status === 'down');
}

/** True: it stands at its order. False: it has ended before. */
async function standsStill(run: Started): Promise<boolean> {
  let ended = false;
  const end = () => {
    ended = true;
  };
  run.done.then(end, end);
  await until(
    'the run to stand still',
    () => ended || /^\d+ \(.*\) T/.test(readFileSync(`/proc/${run.pid}/stat`, 'latin1')),
    30_000,
  );
  return !ended;
}

/** Writers wait meanwhile; what every server holds afterwards is owed. */
async function strikeNow(world: World, blow: Blow): Promise<Held> {
  const {fault, server, ledger} = blow;
  const release = await ledger?.hold();
  // An order that has just left is obeyed first.
  await sleep(20);
  blow.wasMaster = (await roleOf(server)) === 'master';
  await untrusted(world, blow, () => fault.strike(world, server));
  if (fault.losesData === true) await settled(world);
  const held = await heldBy(world);
  // Clients are kept away from one that leads by itself, as the printed duty says.
  if (!world.loose.has(server)) release?.();
  return held;
}

/** Whoever comes back as a master without having been one was made so by the fault. */
async function untrusted(world: World, {server, wasMaster}: Blow, act: () => Promise<void> | undefined): Promise<void> {
  if (!wasMaster) world.loose.add(server);
  await act();
  if (!wasMaster && world.stopped.has(server) === false && (await roleOf(server)) !== 'master')
    world.loose.delete(server);
}

/** What a server hands on to its replicas by itself, it has handed on. */
async function settled(world: World): Promise<void> {
  const deadline = Date.now() + 1200;
  for (;;) {
    const infos = await Promise.all(
      world.servers.filter((one) => isUp(world, one)).map(({raw}) => raw.info('replication').catch(() => null)),
    );
    const isCalm = infos.every((info) => info !== null && (info.role === 'master' || info.master_link_status === 'up'));
    if (isCalm || Date.now() > deadline) return;
    await sleep(20);
  }
}

async function mend(world: World, blow: Blow): Promise<void> {
  const {fault, server, ledger} = blow;
  if (fault.mend === undefined) return;
  await ledger?.hold();
  await untrusted(world, blow, () => fault.mend!(world, server));
}

/** The dead master is started again, as it was. */
export async function revive(world: World): Promise<void> {
  const {master} = world.cast;
  if (!world.dead.has(master)) return;
  world.loose.add(master);
  await master.restart();
  world.dead.delete(master);
}

async function assertLedger(world: World, ledger: Ledger | null, heard: string): Promise<void> {
  if (ledger === null) return;
  await ledger.close();
  const leader = leaderOf(world);
  const lost = await ledger.lostOn(leader);
  assert.equal(lost, [], `acknowledged writes that ${leader.name} does not have: ${heard}`);
}
