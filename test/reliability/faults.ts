/** Layer 2: faults of a server, on the giving and on the taking side, in every phase. */
import * as assert from 'uvu/assert';
import {durable, said} from '../migration/field.js';
import {keyText, type Snapshot} from '../rig/checker.js';
import {prng} from '../rig/data.js';
import {type Rig, type Server, withServers} from '../rig/servers.js';
import {assertHonestEnd, assertNoop, assertWhole} from './check.js';
import {launch} from './launch.js';
import type {Layer, Outcome} from './layer.js';
import {freezeAt, type Moment, moments, thaw} from './phase.js';
import {TcpProxy} from './proxy.js';
import {assertOwed, assertOwedFinished, heldOf, recover} from './recover.js';
import {holders, makeScene, partsOf, type Scene, type Shape} from './scene.js';
import {type Patient, type ServerFault, type ServerFaultName, type Side, serverFaults} from './server-faults.js';

const names = Object.keys(serverFaults) as ServerFaultName[];
const phases: readonly Moment[] = ['copying', 'some-copied', 'verified', 'cutover', 'pruning', 'some-pruned'];
const shapesHere: readonly Shape[] = ['join', 'scheme', 'leave', 'swap'];

async function plan(wanted: number, seed: number): Promise<string[]> {
  const random = prng(seed);
  const all = names.flatMap((name) =>
    (['target', 'source'] as const).flatMap((side) => phases.map((phase) => ({name, side, phase, at: random.next()}))),
  );
  // Shuffled, so that a small share has something of everything; the rounds after the first take other shapes.
  const order = all.sort((a, b) => a.at - b.at);
  return Array.from({length: wanted}, (_, i) => {
    const {name, side, phase} = order[i % order.length]!;
    const shape = shapesHere[(i + Math.floor(i / order.length)) % shapesHere.length]!;
    return `${shape}:${side}:${name}:${phase}:${1 + random.int(1_000_000)}`;
  });
}

/** A little time on every message, so that a phase lasts long enough to be met. */
const DELAY_MS = 2;

async function run(id: string): Promise<Outcome> {
  const [shape, side, name, phase, seed] = id.split(':') as [Shape, Side, ServerFaultName, Moment, string];
  const fault = serverFaults[name]() as ServerFault;
  const part = partsOf(shape)[side];
  const specs = [0, 1, 2].map((i) => (i === part ? (fault.spec ?? durable) : durable));
  return withServers(
    specs,
    async (servers, rig) => {
      const proxies = await before(servers, rig);
      const patient: Patient = {server: servers[part]!, proxy: proxies[part]!, rig};
      await fault.prepare?.(patient, {side, shape, seed: Number(seed), endpoints: proxies});
      const more = () => settleFiles(servers, rig);
      const scene = await makeScene({servers, endpoints: proxies, rig, shape, seed: Number(seed), more});
      await fault.arm?.(patient);
      return strike({scene, fault, patient, proxies, side, phase});
    },
    {timeoutMs: 120_000},
  );
}

export async function before(servers: readonly Server[], rig: Rig): Promise<TcpProxy[]> {
  const proxies = await Promise.all(servers.map(({port}) => TcpProxy.before(port)));
  rig.defer(() => {
    for (const proxy of proxies) proxy.close();
  });
  return proxies;
}

/**
 * A rewritten append-only file holds values as they are. One that is replayed command by command does not: Redis 7.0 forgets how many entries
 * a consumer group has read, and its stream is another one after the restart. That is the server's doing and not what is tested here.
 */
async function settleFiles(servers: readonly Server[], rig: Rig): Promise<void> {
  for (const {raw, name} of servers) {
    if ((await raw.info('persistence')).aof_enabled !== '1') continue;
    await raw.cmd('BGREWRITEAOF');
    await rig.until(`the file of ${name}`, async () => {
      const info = await raw.info('persistence');
      return info.aof_rewrite_in_progress === '0' && info.aof_rewrite_scheduled === '0';
    });
  }
}

interface Strike {
  readonly scene: Scene;
  readonly fault: ServerFault;
  readonly patient: Patient;
  readonly proxies: readonly TcpProxy[];
  readonly side: Side;
  readonly phase: Moment;
}

async function strike({scene, fault, patient, proxies, side, phase}: Strike): Promise<Outcome> {
  const lay = await holders(scene.servers);
  for (const proxy of proxies) proxy.delayMs = DELAY_MS;
  const run = launch(scene.home, [...scene.args, '--json', '--timeout', fault.timeout ?? '2s']);
  const stood = await freezeAt(scene.home, run, phase);
  if (stood === null) return {hit: false, met: 'over'};
  await Promise.all(proxies.map((proxy) => proxy.quiet()));
  const later = await fault.strike(patient);
  // A server that lost data owes nothing of it; one that is only away owes everything.
  const owed = fault.losesData ? await heldOf(scene.before, scene.servers) : scene.before;
  thaw(run);
  const [ended] = await Promise.all([run.done, later?.()]);
  for (const proxy of proxies) proxy.delayMs = 0;
  await fault.mend?.(patient);
  const what = `${side} at ${stood}`;
  if (fault.survives) assert.is(ended.status, 0, `${what}: ${said(ended)}`);
  if (!fault.losesData) {
    await assertWhole(scene, what);
    await assertHonestEnd(scene, ended, lay, what);
  } else assert.ok([0, 3, 4, 5].includes(ended.status ?? -1), `${what}: ${said(ended)}`);
  const left = await withoutInFlight(scene, owed, {stood, side, losesData: fault.losesData === true});
  await assertOwed(scene, left, what);
  const trail = ended.status === 0 ? [] : await recover(scene, left, what);
  // Where nobody lost anything the first resume ends it.
  if (!fault.losesData) assert.equal(trail, [], `${what}: ${trail.join(' ')}`);
  await assertOwedFinished(scene, left, `${what} [${trail.join(' ')}]`, fault.keepsLock === true);
  await assertNoop(scene, what);
  return {hit: true, met: stood};
}

/**
 * A target that loses what it had durably acknowledged takes with it what is being deleted at that moment: the run has seen the copies, and
 * its deletions are on their way. No tool can help that. It may be one batch of each source and database, and nothing may follow it.
 */
async function withoutInFlight(
  scene: Scene,
  owed: Snapshot,
  {stood, side, losesData}: {stood: Moment; side: Side; losesData: boolean},
): Promise<Snapshot> {
  const isPruning = moments.indexOf(stood) >= moments.indexOf('cutover');
  if (!losesData || side !== 'target' || !isPruning) return owed;
  const held = await heldOf(owed, scene.servers);
  const lost = [...owed.keys()].filter((id) => !held.has(id));
  const batches = new Set(lost.map((id) => id.slice(0, id.indexOf(':'))));
  assert.ok(
    batches.size <= 1,
    `${lost.length} keys of ${batches.size} databases lost, for example ${lost.slice(0, 3).map(keyText)}`,
  );
  return held;
}

export const faults: Layer = {
  name: 'faults',
  about:
    'A source or a target is killed, restarted with its data, empty, with its last snapshot or with one from long ago, stopped for three seconds or for good, ' +
    'demoted, or replaced by a stranger at its address, while rtopo stands frozen in a phase; then it goes on, ends, and one or more resumes finish the work.',
  full: 216,
  plan,
  run,
};
