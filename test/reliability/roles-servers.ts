/** Servers that will not, or cannot yet: commands renamed away, a file that cannot be written, data that is still loaded, a script. */
import {chmodSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {makeDir} from '../rig/processes.js';
import type {Server} from '../rig/servers.js';
import {linksUp} from './roles-names.js';
import type {Standing} from './roles-standing.js';
import {type Course, save, type World} from './roles-world.js';

const configOf = ({dir}: Server): string => join(dir, 'redis.conf');

async function withLines(world: World, server: Server, edit: (lines: string[]) => string[]): Promise<void> {
  await save(world.rig, server);
  const lines = readFileSync(configOf(server), 'utf8').split('\n');
  writeFileSync(configOf(server), edit(lines).join('\n'));
  await server.restart();
  if (!world.dead.has(world.cast.master)) await linksUp(world);
}

interface Renaming {
  readonly commands: readonly string[];
  readonly at: Standing['at'];
  /** Those that can do without get along; default: all. */
  readonly exits?: Readonly<Partial<Record<Course, readonly number[]>>>;
  /** What cannot be done is said, whatever the end. */
  readonly warns?: RegExp;
}

function renamed({commands, at, exits = {}, warns}: Renaming): Standing {
  const lines = commands.map((name) => `rename-command ${name} ""`);
  return {
    at,
    isEarly: true,
    arm: async (world, role) => {
      const server = world.cast[role];
      // A list that names a command which is not there keeps a server from starting.
      await server.raw.cmd('ACL', 'SETUSER', 'ops', 'allcommands');
      await server.raw.cmd('CONFIG', 'REWRITE');
      await withLines(world, server, (old) => [...old, ...lines]);
      return {
        exits: exits[world.course] ?? [0],
        says: new RegExp(`${commands.join('|')}|unknown command`, 'i'),
        ...(warns === undefined ? {} : {warns}),
        mend: () => withLines(world, server, (now) => now.filter((line) => !/^rename-command/.test(line))),
      };
    },
  };
}

const everywhere: Standing['at'] = {
  attach: ['candidate'],
  repoint: ['candidate'],
  failover: ['master', 'candidate'],
  pause: ['master', 'candidate'],
  dead: ['candidate', 'sibling'],
};
const notTaken = [1, 3, 4, 5];
const refusedBy = {attach: notTaken, repoint: notTaken, failover: notTaken, pause: notTaken, dead: notTaken} as const;

const either = [0, ...notTaken];
const withOrWithout = {attach: either, repoint: either, failover: either, pause: either, dead: either} as const;

/** The same server without root's right to pass over permission bits. */
function bound(program: string): string {
  const file = join(makeDir('rtopo-bound-'), 'server');
  const drop = process.getuid?.() === 0 ? 'setpriv --bounding-set=-dac_override,-dac_read_search ' : '';
  writeFileSync(file, `#!/bin/sh\nexec ${drop}${program} "$@"\n`, {mode: 0o755});
  return file;
}

const programs = new Map<string, string>();
function boundServer(): string {
  const known = programs.get('redis-server') ?? bound('redis-server');
  programs.set('redis-server', known);
  return known;
}

function forbidden(path: (server: Server) => string, modes: {readonly shut: number; readonly open: number}): Standing {
  return {
    at: {
      attach: ['candidate'],
      repoint: ['candidate'],
      failover: ['master', 'candidate', 'sibling'],
      pause: ['master', 'candidate'],
      dead: ['candidate', 'sibling'],
    },
    variant: (role) => ({program: {[role]: boundServer()}}),
    isPlain: true,
    arm: async (world, role) => {
      const server = world.cast[role];
      chmodSync(path(server), modes.shut);
      return {
        exits: [0],
        warns: /not persisted/,
        mend: async () => chmodSync(path(server), modes.open),
      };
    },
  };
}

const loading: Standing = {
  at: {
    attach: ['master', 'sibling'],
    repoint: ['master', 'candidate'],
    failover: ['master', 'candidate', 'sibling'],
    pause: ['master', 'candidate'],
    dead: ['master', 'candidate', 'sibling'],
  },
  variant: () => ({isFat: true}),
  arm: async (world, role) => {
    const server = world.cast[role];
    if (!world.dead.has(server)) {
      await save(world.rig, server);
    }
    const file = configOf(server);
    const slow = ['key-load-delay 30000', 'loading-process-events-interval-bytes 1024'];
    writeFileSync(file, [readFileSync(file, 'utf8'), ...slow, ''].join('\n'));
    const ready = server.restart();
    ready.catch(() => undefined);
    await world.rig.until('loading', async () => (await server.raw.info('persistence')).loading === '1');
    return {
      exits: role === 'sibling' ? [0, 3, 4, 5] : [3, 5],
      // A handshake of TLS takes several answers, and between two of them it loads.
      says: world.kind === 'tls' ? /LOADING|TIMEOUT/ : /LOADING/,
      isStill: async () => (await server.raw.info('persistence')).loading === '1',
      mend: async () => {
        await ready;
        await server.raw.cmd('CONFIG', 'SET', 'key-load-delay', 0);
        world.dead.delete(server);
      },
    };
  },
};

/** A script without an end: nothing but its own death is accepted. */
const busy: Standing = {
  at: {
    attach: ['master', 'sibling'],
    repoint: ['master', 'candidate'],
    failover: ['master', 'candidate', 'sibling'],
    pause: ['master', 'candidate'],
    dead: ['candidate', 'sibling'],
  },
  variant: (role) => ({config: {[role]: 'busy-reply-threshold 50'}}),
  arm: async ({cast, rig}, role) => {
    const server = cast[role];
    const blocker = await server.connect({timeoutMs: 60_000});
    blocker.cmd('EVAL', 'while true do end', 0).catch(() => undefined);
    await rig.until('busy', async () => {
      const raw = await server.connect({timeoutMs: 1000});
      const error = await raw.cmd('PING').catch((one: Error) => one);
      raw.close();
      return error instanceof Error && /BUSY/.test(error.message);
    });
    return {
      exits: role === 'sibling' ? [0, 3, 4, 5] : [3, 5],
      says: /BUSY/,
      mend: async () => {
        const raw = await server.connect();
        await raw.cmd('SCRIPT', 'KILL');
        blocker.close();
      },
    };
  },
};

export const servers: Readonly<Record<string, Standing>> = {
  'renamed-REPLICAOF': renamed({commands: ['REPLICAOF'], at: everywhere}),
  'renamed-SLAVEOF': renamed({
    commands: ['SLAVEOF'],
    at: {attach: ['candidate'], pause: ['master'], dead: ['candidate']},
  }),
  'renamed-both': renamed({commands: ['REPLICAOF', 'SLAVEOF'], at: everywhere, exits: refusedBy}),
  'renamed-CONFIG': renamed({commands: ['CONFIG'], at: everywhere, exits: withOrWithout, warns: /persist|CONFIG/i}),
  'renamed-FAILOVER': renamed({
    commands: ['FAILOVER'],
    at: {failover: ['master'], pause: ['master'], dead: ['candidate']},
    exits: {failover: [3]},
  }),
  'renamed-CLIENT': renamed({
    commands: ['CLIENT'],
    at: {attach: ['candidate'], failover: ['master'], pause: ['master'], dead: ['candidate']},
    exits: {failover: notTaken, pause: notTaken},
  }),
  'renamed-DEBUG': renamed({
    commands: ['DEBUG'],
    at: {attach: ['candidate'], pause: ['candidate'], failover: ['candidate']},
  }),
  'renamed-ACL': renamed({commands: ['ACL'], at: {repoint: ['candidate'], pause: ['master'], failover: ['candidate']}}),
  'renamed-EVAL': renamed({
    commands: ['EVAL', 'EVALSHA'],
    at: {failover: ['master'], pause: ['candidate'], dead: ['candidate']},
    exits: refusedBy,
  }),
  'renamed-COMMAND': renamed({
    commands: ['COMMAND'],
    at: {attach: ['candidate'], pause: ['master'], dead: ['candidate']},
  }),
  'directory-read-only': forbidden(({dir}) => dir, {shut: 0o555, open: 0o700}),
  'file-unreadable': forbidden(configOf, {shut: 0o000, open: 0o644}),
  loading,
  busy,
};
