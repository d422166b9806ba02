/** What must hold in every case of the layer `roles`: looked at from outside, before anything is mended and after one printed command. */
import * as assert from 'uvu/assert';
import {codes} from '../../src/report/codes/codes.js';
import {parseTopology} from '../../src/topology/parse.js';
import {addressText, type Instance, instancesOf, type Shard} from '../../src/topology/types.js';
import type {CliResult} from '../rig/cli.js';
import {connectRaw, type Raw} from '../rig/raw.js';
import type {Server} from '../rig/servers.js';
import {sleep, until} from '../rig/wait.js';
import {errorOf} from './launch.js';
import {holdings, PASSWORDS, type World} from './roles-world.js';

export type Held = ReadonlyMap<Server, ReadonlySet<string>>;

export const isUp = ({dead, stopped}: World, server: Server): boolean => !dead.has(server) && !stopped.has(server);

/** Of those that answer. */
export async function heldBy(world: World): Promise<Map<Server, Set<string>>> {
  const held = new Map<Server, Set<string>>();
  for (const server of world.servers.filter((one) => isUp(world, one))) {
    const own = await holdings(server);
    if (own !== null) held.set(server, own);
  }
  return held;
}

export async function roleOf(server: Server): Promise<string | null> {
  try {
    const raw = await connectRaw({port: server.port, timeoutMs: 400});
    try {
      const [kind, host, port] = (await raw.cmd('ROLE')) as unknown[];
      return String(kind) === 'master' ? 'master' : `${host}:${port}`;
    } finally {
      raw.close();
    }
  } catch {
    return null;
  }
}

/** Does it take a write, at this moment? Held up counts as no. */
async function takesWrite(server: Server): Promise<boolean> {
  try {
    const raw = await connectRaw({port: server.port, timeoutMs: 300});
    try {
      return String(await raw.cmd('SET', 'probe', 'x', 'EX', 1)) === 'OK';
    } finally {
      raw.close();
    }
  } catch {
    return false;
  }
}

/** All who take writes and were not made to by the fault itself: one at most. */
export async function assertOneWritable(world: World, what: string): Promise<void> {
  const open: string[] = [];
  for (const server of world.servers) {
    if (!isUp(world, server) || world.loose.has(server)) continue;
    if (await takesWrite(server)) open.push(server.name);
  }
  assert.ok(open.length <= 1, `${what}: ${open.join(' and ')} take writes`);
}

/** No server holds less than before: what it follows may be on its way to it, so a moment is allowed. */
export async function assertKept(world: World, owed: Held, what: string): Promise<void> {
  const lost: string[] = [];
  await until(
    'what is held',
    async () => {
      lost.length = 0;
      const now = await heldBy(world);
      for (const [server, keys] of owed) {
        if (!isUp(world, server)) continue;
        const missing = [...keys].filter((key) => now.get(server)?.has(key) !== true);
        if (missing.length > 0) lost.push(`${server.name} lost ${missing.length} of ${keys.size} keys`);
      }
      return lost.length === 0;
    },
    4000,
  ).catch(() => undefined);
  assert.equal(lost, [], what);
}

/** What a run said, short enough for a line. */
export function told(run: CliResult): string {
  const error = errorOf(run);
  const text = error === null ? `${run.stdout.slice(0, 1200)} ${run.stderr.slice(-800)}` : '';
  const about = error === null ? text : `${error.code}: ${error.message} (${error.remedy})`;
  return `exit ${run.status ?? run.signal} ${about}`.trim();
}

/** An end of the documented kind: its code explained, no trace of a stack, no secret, and where it says so nothing was changed. */
export function assertHonest(run: CliResult, what: string): void {
  const text = `${run.stdout}\n${run.stderr}`;
  const heard = `${what}: ${told(run)}`;
  assert.ok([0, 1, 2, 3, 4, 5].includes(run.status ?? -1), heard);
  assert.not.match(text, /\n\s+at \S+ ?\(?\S*:\d+:\d+|node:internal|ioredis/, heard);
  for (const secret of Object.values(PASSWORDS)) {
    for (const form of [secret, Buffer.from(secret).toString('base64')])
      assert.not.ok(text.includes(form), `${what}: a secret is in the output`);
  }
  assert.not.match(run.stderr, /[\u0000-\u0008\u000b-\u001f\u007f]/, `${what}: raw bytes of a server on the terminal`);
  if (run.status === 0 || run.status === 2) return;
  const error = errorOf(run);
  assert.ok(error !== null, `${what}: no error in the envelope: ${heard}`);
  assert.is.not(error!.code, 'INTERNAL', heard);
  assert.ok(codes.has(error!.code), `${what}: ${error!.code} is not explained: ${heard}`);
  assert.ok(error!.remedy !== '', `${what}: no remedy: ${heard}`);
}

export interface Watching {
  stop(): Promise<readonly string[]>;
}

/**
 * Looks all the time whether two lead at once. The later one in the order of changes is asked first: the other way round a change in
 * between would look like two.
 */
export function watchLeaders(world: World): Watching {
  const {sub, sibling, candidate, master} = world.cast;
  const seen = new Set<string>();
  const open = new Map<Server, Raw>();
  let over = false;
  const leads = async (server: Server): Promise<boolean> => {
    if (!isUp(world, server) || world.loose.has(server)) return false;
    try {
      const raw = open.get(server) ?? (await connectRaw({port: server.port, timeoutMs: 300}));
      open.set(server, raw);
      return String(((await raw.cmd('ROLE')) as unknown[])[0]) === 'master' && !world.loose.has(server);
    } catch {
      open.get(server)?.close();
      open.delete(server);
      return false;
    }
  };
  const running = (async () => {
    while (!over) {
      const leading: string[] = [];
      for (const server of [sub, sibling, candidate, master]) if (await leads(server)) leading.push(server.name);
      if (leading.length > 1) seen.add(leading.join(' and '));
      await sleep(8);
    }
    for (const raw of open.values()) raw.close();
  })();
  return {
    stop: async () => {
      over = true;
      await running;
      return [...seen];
    },
  };
}

export function shardOf({home}: World): Shard {
  return parseTopology(home.text(), home.file).topology.shards[0]!;
}

const serverAt = (world: World, text: string): Server => {
  const port = Number(text.slice(text.lastIndexOf(':') + 1));
  return world.servers.find((one) => world.at(one).endsWith(`:${port}`) || one.port === port)!;
};

export const leaderOf = (world: World): Server => serverAt(world, addressText(shardOf(world).master.address));

const portOf = (text: string): string => text.slice(text.lastIndexOf(':') + 1);

/** Everybody follows whom the file names, all have all that is owed, no lock is left, and the one that leads takes writes. */
export async function assertConverged(world: World, owed: ReadonlySet<string>, what: string): Promise<void> {
  const shard = shardOf(world);
  const parent = ({of}: Instance): string => addressText(of ?? shard.master.address);
  for (const one of instancesOf(shard)) {
    const role = await roleOf(serverAt(world, addressText(one.address)));
    const wanted = one === shard.master ? 'master' : portOf(parent(one));
    const found = role === null || role === 'master' ? role : portOf(role);
    assert.is(found, wanted, `${what}: whom ${addressText(one.address)} follows`);
  }
  const leader = leaderOf(world);
  assert.ok(await takesWrite(leader), `${what}: ${leader.name} leads and takes no write`);
  const lockMs = Number(await leader.raw.cmd('PTTL', '__rtopo:lock'));
  const mayStay = world.restarted.has(leader) && lockMs > 0 && lockMs <= 60_000;
  assert.ok(lockMs === -2 || mayStay, `${what}: a lock is left, for ${lockMs} ms`);
  await world.rig.caughtUp(leader, ...world.servers.filter((one) => one !== leader));
  for (const server of world.servers) {
    const held = await holdings(server);
    const missing = [...owed].filter((key) => held?.has(key) !== true);
    assert.is(missing.length, 0, `${what}: ${server.name} lacks ${missing.slice(0, 3)} of ${owed.size} keys`);
  }
}

export const unionOf = (held: Held): Set<string> => new Set([...held.values()].flatMap((keys) => [...keys]));
