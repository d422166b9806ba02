/** Layer 3: a network that breaks between rtopo and one server, in one of nine ways, at any byte of the run. */
import * as assert from 'uvu/assert';
import {assertStatus, durable, said} from '../migration/field.js';
import {prng} from '../rig/data.js';
import {withServers} from '../rig/servers.js';
import {assertCounted, assertFinished, assertHonestEnd, assertNoop, assertWhole, resumeStrictly} from './check.js';
import {before} from './faults.js';
import {launch} from './launch.js';
import type {Layer, Outcome} from './layer.js';
import {type Fault, type FaultKind, faultKinds} from './proxy-faults.js';
import {holders, makeScene, type Shape} from './scene.js';

const shapesHere: readonly Shape[] = ['join', 'scheme', 'leave', 'swap'];

/** Faults that a run must get through: they are slow, and lose nothing. */
const harmless: readonly FaultKind[] = ['slow', 'slices'];

/** Bytes that a run sends to each server and gets from it. */
function countBytes(shape: Shape, seed: number): Promise<{requests: number; replies: number}[]> {
  return withServers([durable, durable, durable], async (servers, rig) => {
    const proxies = await before(servers, rig);
    const scene = await makeScene({servers, endpoints: proxies, rig, shape, seed});
    assertStatus(await launch(scene.home, [...scene.args, '--json']).done, 0, 'counting bytes');
    await assertFinished(scene, 'counting bytes');
    return proxies.map(({bytes}) => ({...bytes}));
  });
}

async function plan(wanted: number, seed: number): Promise<string[]> {
  const random = prng(seed);
  const chosen = shapesHere.slice(0, wanted < 50 ? 1 : shapesHere.length);
  const own = chosen.map(() => 1 + random.int(1_000_000));
  const bytes: {requests: number; replies: number}[][] = [];
  for (const [i, shape] of chosen.entries()) bytes.push(await countBytes(shape, own[i]!));
  return Array.from({length: wanted}, (_, i) => {
    const which = Math.floor(i / faultKinds.length) % chosen.length;
    const kind = faultKinds[i % faultKinds.length]!;
    const server = random.int(3);
    const total = isOfReplies(kind) ? bytes[which]![server]!.replies : bytes[which]![server]!.requests;
    const once = random.int(2) === 0 ? 'once' : 'stays';
    return `${chosen[which]}:${server}:${kind}@${random.int(total)}:${once}:${own[which]}`;
  });
}

function isOfReplies(kind: FaultKind): boolean {
  return kind === 'cut-reply' || kind === 'swallow-replies' || kind === 'slices';
}

async function run(id: string): Promise<Outcome> {
  const [shape, at, what, stay, seed] = id.split(':') as [Shape, string, string, string, string];
  const [kind, byte] = what.split('@') as [FaultKind, string];
  const fault: Fault = {kind, at: Number(byte), once: stay === 'once'};
  return withServers(
    [durable, durable, durable],
    async (servers, rig) => {
      const proxies = await before(servers, rig);
      const proxy = proxies[Number(at)]!;
      const scene = await makeScene({servers, endpoints: proxies, rig, shape, seed: Number(seed)});
      const lay = await holders(servers);
      proxy.arm(fault);
      const timeout = harmless.includes(kind) ? '8s' : '1s';
      const ended = await launch(scene.home, [...scene.args, '--json', '--timeout', timeout]).done;
      const hit = proxy.hasStruck;
      proxy.heal();
      proxy.delayMs = 0;
      await assertWhole(scene, kind);
      await assertHonestEnd(scene, ended, lay, kind);
      if (harmless.includes(kind)) assertStatus(ended, 0, kind);
      assert.ok(hit || ended.status === 0, `ended without a fault: ${said(ended)}`);
      const last = ended.status === 0 ? ended : await resumeStrictly(scene, lay, kind, true);
      assertCounted(scene, last, kind);
      // A run that was done when the network went could not give its lock back.
      await assertFinished(scene, kind, ended.status === 0);
      await assertNoop(scene, kind);
      return {hit, met: kind};
    },
    {timeoutMs: 120_000},
  );
}

export const network: Layer = {
  name: 'proxy',
  about:
    'A proxy before one server cuts the connection before a request or after it and before its reply, in the middle of either, with RST, swallows one ' +
    'direction or both, delays, or hands replies over byte by byte, at a random byte of the run, once or from then on.',
  full: 144,
  plan,
  run,
};
