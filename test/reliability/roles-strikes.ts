/** What comes over a server while rtopo is at work, at which moment, and what its operator does about it afterwards. */
import {copyFileSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import type {Server} from '../rig/servers.js';
import {sleep} from '../rig/wait.js';
import {type Course, dumpOf, longAgo, type Role, save, type World} from './roles-world.js';

export interface Strike {
  /** While rtopo stands still. */
  readonly strike: (world: World, server: Server) => Promise<void>;
  /** While it goes on. */
  readonly meanwhile?: (world: World, server: Server) => Promise<void>;
  /** After it has ended. */
  readonly mend?: (world: World, server: Server) => Promise<void>;
  /** It comes back with less than it had. */
  readonly losesData?: true;
}

/** What it holds is on its disk, and writers wait, so that no loss is the fault's own. */
async function killSaved({dead, rig}: World, server: Server): Promise<void> {
  if (dead.has(server)) return;
  await save(rig, server);
  await server.kill();
  dead.add(server);
}

async function back({dead, restarted}: World, server: Server, options: {readonly empty?: boolean} = {}): Promise<void> {
  await server.restart(options);
  restarted.add(server);
  dead.delete(server);
}

const configOf = (server: Server): string => join(server.dir, 'redis.conf');

/** Somebody's deployment has laid down the file as it was before the server had a master. */
export function forgetMaster(server: Server): void {
  const lines = readFileSync(configOf(server), 'utf8').split('\n');
  writeFileSync(configOf(server), lines.filter((line) => !/^(replicaof|slaveof) /.test(line)).join('\n'));
}

function pause({stopped}: World, server: Server): void {
  server.pause();
  stopped.add(server);
}

function resume({stopped}: World, server: Server): void {
  server.resume();
  stopped.delete(server);
}

const PAUSE_MS = 700;

export const strikes = {
  'stopped-a-while': {
    strike: async (world, server) => pause(world, server),
    meanwhile: async (world, server) => {
      await sleep(PAUSE_MS);
      resume(world, server);
    },
  },
  stopped: {
    strike: async (world, server) => pause(world, server),
    mend: async (world, server) => resume(world, server),
  },
  killed: {strike: killSaved, mend: back},
  'restarted-empty': {
    losesData: true,
    strike: async (world, server) => {
      await server.kill();
      await back(world, server, {empty: true});
    },
  },
  'restarted-old': {
    losesData: true,
    strike: async (world, server) => {
      await server.kill();
      copyFileSync(longAgo(server), dumpOf(server));
      await back(world, server);
    },
  },
  'restarted-roleless': {
    strike: async (world, server) => {
      await killSaved(world, server);
      forgetMaster(server);
      await back(world, server);
    },
  },
  'restarted-blank': {
    losesData: true,
    strike: async (world, server) => {
      await server.kill();
      forgetMaster(server);
      await back(world, server, {empty: true});
    },
  },
} satisfies Record<string, Strike>;
export type StrikeName = keyof typeof strikes;

/** A message to a server: the N-th that matches, and whether rtopo stands still before or after it has left. */
export interface Phase {
  readonly order: RegExp;
  readonly n: number;
  readonly when: 'before' | 'after';
}

const word = (text: string): string => `\\$\\d+\\r\\n${text}\\r\\n`;
const order = (...words: string[]): RegExp => new RegExp(`\\*\\d+\\r\\n${words.map(word).join('')}`);
const any =
  /\*\d+\r\n\$\d+\r\n(CLIENT\r\n\$\d+\r\n(PAUSE|UNPAUSE|KILL)|REPLICAOF|FAILOVER|EVAL\r|CONFIG\r\n\$\d+\r\n(SET|REWRITE))/;
const leads = order('REPLICAOF', 'NO');
const follows = order('REPLICAOF', '(?!NO\\r)[^\\r]+');

/** The moments of each command, in their order. */
export const phases: Readonly<Record<Course, Readonly<Record<string, Phase>>>> = {
  attach: {
    first: {order: any, n: 1, when: 'before'},
    ordering: {order: follows, n: 1, when: 'before'},
    attached: {order: follows, n: 1, when: 'after'},
  },
  repoint: {
    first: {order: any, n: 1, when: 'before'},
    ordering: {order: follows, n: 1, when: 'before'},
    attached: {order: follows, n: 1, when: 'after'},
  },
  failover: {
    first: {order: any, n: 1, when: 'before'},
    fenced: {order: order('CLIENT', 'PAUSE'), n: 1, when: 'after'},
    failing: {order: order('FAILOVER', 'TO'), n: 1, when: 'after'},
    siblings: {order: follows, n: 1, when: 'before'},
  },
  pause: {
    first: {order: any, n: 1, when: 'before'},
    fenced: {order: order('CLIENT', 'PAUSE'), n: 1, when: 'after'},
    demoted: {order: follows, n: 1, when: 'after'},
    promoting: {order: leads, n: 1, when: 'before'},
    promoted: {order: leads, n: 1, when: 'after'},
    siblings: {order: follows, n: 2, when: 'before'},
  },
  dead: {
    first: {order: any, n: 1, when: 'before'},
    promoted: {order: leads, n: 1, when: 'after'},
    siblings: {order: follows, n: 1, when: 'before'},
  },
};

/** What there can be: a dead master can only come back; one that a server was never told to follow cannot be forgotten. */
export function makesSense(course: Course, role: Role, name: StrikeName): boolean {
  if (course === 'dead' && role === 'master') return name.startsWith('restarted');
  // It has no role on its disk that it could forget, and emptied it is one and the same.
  if (role === 'master') return name !== 'restarted-blank';
  if (course === 'attach' && role === 'candidate') return name !== 'restarted-old';
  return true;
}
