/** One shard of four servers under a fault: who plays which part, what each holds, and the topology file that says so. */
import {copyFileSync} from 'node:fs';
import {join} from 'node:path';
import {permissionOf, REPLICATION_COMMANDS, rulesOf} from '../../src/redis/permissions.js';
import {type Field, field} from '../migration/field.js';
import {connectRaw} from '../rig/raw.js';
import type {Rig, Server, ServerSpec} from '../rig/servers.js';
import {type Pki, pki, tlsLines} from './roles-tls.js';

/** `attach`: a fresh server joins; `repoint`: one moves from under a replica to the master; the others change the master. */
export const courses = ['attach', 'repoint', 'failover', 'pause', 'dead'] as const;
export type Course = (typeof courses)[number];
/** `candidate`: the server whose place changes; `sub` follows it, or, where it is fresh, the sibling. */
export const roles = ['master', 'candidate', 'sibling', 'sub'] as const;
export type Role = (typeof roles)[number];
export const kinds = ['redis', 'valkey', 'tls'] as const;
export type Kind = (typeof kinds)[number];

export const PASSWORDS = {OPS: 'canary-of-ops-7f3a', REPL: 'canary-of-repl-91bc'} as const;

export interface World {
  readonly course: Course;
  readonly kind: Kind;
  readonly rig: Rig;
  readonly home: Field;
  readonly cast: Readonly<Record<Role, Server>>;
  readonly servers: readonly Server[];
  /** Under which address a server is declared, and followed. */
  readonly at: (server: Server) => string;
  readonly env: Readonly<Record<string, string>>;
  /** Who leads without rtopo having had a hand in it: fresh, or brought back so by the fault. */
  readonly loose: Set<Server>;
  /** Stopped by the harness: not to be asked. */
  readonly stopped: Set<Server>;
  /** Started anew in the middle of the run: who held its lock has lost the connection, and the lock ends with its lease. */
  readonly restarted: Set<Server>;
  /** Killed by the harness. */
  readonly dead: Set<Server>;
}

export interface Variant {
  /** Lines of the configuration file of one of the servers. */
  readonly config?: Readonly<Partial<Record<Role, string>>>;
  readonly program?: Readonly<Partial<Record<Role, string>>>;
  /** Keys in database 0 too; default true. */
  readonly hasDatabase0?: boolean;
  /** So many keys that reading them takes a while. */
  readonly isFat?: boolean;
}

/** Everything that the commands of a case need, and nothing else. */
export const allowed: readonly string[] = [
  ...new Set(
    ['status', 'replicate', 'switchover', 'switchover resume', 'failover'].flatMap(
      (name) => permissionOf(name)!.commands,
    ),
  ),
].sort();

export const opsRules = (commands = allowed): readonly string[] =>
  rulesOf({command: 'all of them', keys: 'lock', commands});

export function specsOf(kind: Kind, {config = {}, program = {}}: Variant, tls: Pki | null): ServerSpec[] {
  return roles.map((role, i) => ({
    ...(program[role] !== undefined ? {program: program[role]!} : kind === 'valkey' ? {program: 'valkey-server'} : {}),
    name: role,
    config: ['save 3600 1', ...(tls === null ? [] : tlsLines(tls, i)), config[role] ?? ''].join('\n'),
  }));
}

/** The parts as they stand before the run, and what the file says that they should be. */
export async function makeWorld(
  rig: Rig,
  servers: readonly Server[],
  {course, kind, tls, variant}: {course: Course; kind: Kind; tls: Pki | null; variant: Variant},
): Promise<World> {
  const [master, candidate, sibling, sub] = servers as unknown as [Server, Server, Server, Server];
  const cast = {master, candidate, sibling, sub};
  const at = (server: Server) => (tls === null ? server.address : `127.0.0.1:${tls.ports[servers.indexOf(server)]}`);
  const world: World = {
    ...{course, kind, rig, cast, servers, at, home: field(rig, '')},
    env: {...PASSWORDS},
    loose: new Set(course === 'attach' ? [candidate] : []),
    stopped: new Set(),
    restarted: new Set(),
    dead: new Set(),
  };
  await Promise.all(servers.map((server) => admit(server, tls !== null)));
  await putKeys(master, variant, [0, 1]);
  await follow(world, sibling, master);
  if (course !== 'attach') await follow(world, candidate, course === 'repoint' ? sibling : master);
  await follow(world, sub, course === 'attach' ? sibling : candidate);
  await rememberLongAgo(world);
  await putKeys(master, variant, [2, 3]);
  await Promise.all(linked(world).map((one) => rig.caughtUp(master, one)));
  for (const server of servers) await server.raw.cmd('CONFIG', 'REWRITE');
  declareWorld(world);
  return world;
}

const linked = ({course, cast: {candidate, sibling, sub}}: World): Server[] =>
  course === 'attach' ? [sibling, sub] : [candidate, sibling, sub];

/** The users of rtopo and of the replicas; the rig itself goes by the default one. */
async function admit({raw}: Server, isTls: boolean): Promise<void> {
  await raw.cmd('ACL', 'SETUSER', 'ops', 'reset', 'on', `>${PASSWORDS.OPS}`, ...opsRules());
  const replicas = REPLICATION_COMMANDS.map((name) => `+${name}`);
  await raw.cmd('ACL', 'SETUSER', 'repl', 'reset', 'on', `>${PASSWORDS.REPL}`, '-@all', ...replicas);
  await raw.cmd('CONFIG', 'SET', 'masteruser', 'repl', 'masterauth', PASSWORDS.REPL);
  if (isTls) await raw.cmd('CONFIG', 'SET', 'tls-replication', 'yes');
}

async function follow(world: World, replica: Server, master: Server): Promise<void> {
  const [host, port] = world.at(master).split(':') as [string, string];
  await replica.raw.cmd('REPLICAOF', host, port);
  await world.rig.until(`the link of ${replica.name}`, async () => {
    const info = await replica.raw.info('replication');
    return info.master_link_status === 'up' && info.master_sync_in_progress === '0';
  });
}

const QUARTER = 6;
const FAT_KEYS = 150;

/** Of four parts of the data those that are named: what came later is not in the snapshot from long ago. */
async function putKeys(server: Server, {hasDatabase0 = true, isFat}: Variant, parts: readonly number[]): Promise<void> {
  const raw = await server.connect();
  if (isFat === true)
    await raw.pipeline(Array.from({length: FAT_KEYS}, (_, i) => ['SET', `fat:${i}`, 'x'.repeat(200)]));
  for (const db of hasDatabase0 ? [0, 3] : [3]) {
    await raw.select(db);
    const numbers = parts.flatMap((part) => Array.from({length: QUARTER}, (_, i) => part * QUARTER + i));
    await raw.pipeline(numbers.map((n) => ['SET', `base:${n}`, `value ${n}`]));
  }
  raw.close();
}

export const longAgo = (server: Server): string => join(server.dir, 'long-ago.rdb');
export const dumpOf = (server: Server): string => join(server.dir, 'dump.rdb');

/** A child that feeds a replica must have ended. */
export async function save(rig: Rig, {raw, name}: Server): Promise<void> {
  await rig.until(`a snapshot of ${name}`, async () => String(await raw.cmd('SAVE')) === 'OK');
}

async function rememberLongAgo(world: World): Promise<void> {
  await Promise.all(
    world.servers.map(async (server) => {
      await save(world.rig, server);
      copyFileSync(dumpOf(server), longAgo(server));
    }),
  );
}

/** `base:N` with its own value, as `db:base:N`; null when it does not answer, or is loading. */
export async function holdings(server: Server): Promise<Set<string> | null> {
  try {
    const raw = await connectRaw({port: server.port, timeoutMs: 500});
    const held = new Set<string>();
    try {
      for (const db of [0, 3]) {
        await raw.select(db);
        const names = Array.from({length: 4 * QUARTER}, (_, n) => n);
        const values = await raw.pipeline(names.map((n) => ['GET', `base:${n}`]));
        for (const [n, value] of values.entries()) {
          if (value instanceof Error) return null;
          if (String(value) === `value ${n}`) held.add(`${db}:base:${n}`);
        }
      }
      return held;
    } finally {
      raw.close();
    }
  } catch {
    return null;
  }
}

export interface Declaring {
  /** Other names for some of the addresses. */
  readonly names?: Readonly<Partial<Record<Role, string>>>;
  /** False: rtopo goes without a login, and replicas by the one that they have. */
  readonly declaresLogin?: boolean;
}

export function declareWorld(world: World, {names = {}, declaresLogin = true}: Declaring = {}): void {
  const name = (role: Role): string => names[role] ?? world.at(world.cast[role]);
  const of = world.course === 'attach' ? 'sibling' : 'candidate';
  world.home.write(
    [
      'version: 1',
      'name: roles',
      ...(declaresLogin
        ? ['auth: {username: ops, passwordEnv: OPS}', 'replicationAuth: {username: repl, passwordEnv: REPL}']
        : []),
      ...(world.kind === 'tls' ? [`tls: {ca: ${pki().file('ca.pem')}, serverName: redis.test}`] : []),
      'shards:',
      '  - name: alpha',
      `    master: "${name('master')}"`,
      '    replicas:',
      `      - "${name('candidate')}"`,
      `      - "${name('sibling')}"`,
      `      - {address: "${name('sub')}", of: "${name(of)}"}`,
      '',
    ].join('\n'),
  );
}

/** The command under test. */
export function argsOf({course, cast, at}: World, candidate = at(cast.candidate)): string[] {
  const common = ['--yes', '--json', '--timeout', '1500ms'];
  switch (course) {
    case 'attach':
    case 'repoint':
      return ['replicate', '--yes', '--json', '--timeout', '2500ms'];
    case 'failover':
    case 'pause':
      return ['switchover', 'alpha', '--to', candidate, '--engine', course, ...common];
    case 'dead':
      return ['failover', 'alpha', '--to', candidate, ...common];
  }
}
