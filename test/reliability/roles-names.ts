/** Addresses: one server under two names, others than the servers announce, servers that follow themselves or each other. */
import * as assert from 'uvu/assert';
import type {Server} from '../rig/servers.js';
import type {Standing} from './roles-standing.js';
import {argsOf, declareWorld, type Role, type World} from './roles-world.js';

const portOf = (address: string): string => address.slice(address.lastIndexOf(':') + 1);

/** Every replica that follows a living server has its link; by ROLE, which is never renamed here. */
export async function linksUp(world: World): Promise<void> {
  const {rig, servers, dead, at} = world;
  const isDead = (port: string): boolean => [...dead].some((one) => portOf(at(one)) === port);
  for (const server of servers.filter((one) => !dead.has(one))) {
    await rig.until(`the link of ${server.name}`, async () => {
      const [kind, , port, state] = (await server.raw.cmd('ROLE')) as unknown[];
      return String(kind) === 'master' || String(state) === 'connected' || isDead(String(port));
    });
  }
}

const localhost: Standing = {
  at: {
    attach: ['master', 'candidate', 'sibling'],
    repoint: ['master', 'candidate'],
    failover: ['master', 'candidate'],
    pause: ['master', 'candidate', 'sub'],
    dead: ['master', 'candidate', 'sibling'],
  },
  arm: async (world, role) => {
    const name = `localhost:${portOf(world.at(world.cast[role]))}`;
    declareWorld(world, {names: {[role]: name}});
    return {
      // FAILOVER wants the very text that the master lists.
      exits: world.course === 'failover' && role === 'candidate' ? [3] : [0],
      says: /FAILOVER_UNUSABLE/,
      args: argsOf(world, role === 'candidate' ? name : undefined),
      mend: async (ended) => {
        if (ended !== 0) declareWorld(world);
      },
    };
  },
};

async function announce(world: World, server: Server, ip: string, port: number): Promise<void> {
  await server.raw.cmd('CONFIG', 'SET', 'replica-announce-ip', ip, 'replica-announce-port', port);
  for (const one of world.servers)
    if (!world.dead.has(one)) await one.raw.cmd('CLIENT', 'KILL', 'TYPE', 'replica').catch(() => undefined);
}

/** Behind a translation of addresses, as seen by nobody here. */
const announced: Standing = {
  at: {
    attach: ['candidate', 'sibling'],
    repoint: ['candidate'],
    failover: ['candidate', 'sibling'],
    pause: ['master', 'candidate'],
    dead: ['candidate', 'sibling'],
  },
  isEarly: true,
  arm: async (world, role) => {
    const server = world.cast[role];
    await announce(world, server, '10.255.0.9', 7);
    await linksUp(world);
    return {
      exits: world.course === 'failover' && role === 'candidate' ? [3] : [0],
      says: /FAILOVER_UNUSABLE/,
      mend: async () => {
        await announce(world, server, '', 0);
        await linksUp(world);
      },
    };
  },
};

async function order(server: Server, ...to: (string | number)[]): Promise<void> {
  await server.raw.cmd('REPLICAOF', ...to);
}

const to = (world: World, server: Server): [string, string] => ['127.0.0.1', portOf(world.at(server))];

/** The parts as they were before the fault. */
async function asBefore(world: World): Promise<void> {
  const {course, cast} = world;
  const {master, candidate, sibling, sub} = cast;
  await order(master, 'NO', 'ONE');
  await order(sibling, ...to(world, master));
  if (course === 'attach') await order(candidate, 'NO', 'ONE');
  else await order(candidate, ...to(world, course === 'repoint' ? sibling : master));
  await order(sub, ...to(world, course === 'attach' ? sibling : candidate));
  await linksUp(world);
}

/** Nobody leads: the three follow each other, and all links may be up. */
const ring: Standing = {
  at: {repoint: ['master'], failover: ['master'], pause: ['master']},
  arm: async (world) => {
    const {master, candidate, sibling} = world.cast;
    await order(master, ...to(world, candidate));
    await order(candidate, ...to(world, sibling));
    await order(sibling, ...to(world, master));
    const isChange = world.course !== 'repoint';
    return {
      exits: isChange ? [3] : [0, 3],
      says: /NOT_A_MASTER|RING|refused/i,
      mend: async (ended) => {
        if (ended !== 0) await asBefore(world);
      },
    };
  },
};

/** REPLICAOF itself: the server says OK, and goes read-only. */
const itself: Standing = {
  at: {
    attach: ['candidate', 'master'],
    repoint: ['candidate', 'master'],
    failover: ['candidate', 'master'],
    pause: ['candidate', 'sibling'],
    dead: ['candidate', 'sibling'],
  },
  isEarly: true,
  arm: async (world, role) => {
    const server = world.cast[role];
    await order(server, 'localhost', portOf(world.at(server)));
    // A fresh one that follows itself takes no writes either.
    world.loose.delete(server);
    return {
      // Over TLS a server waits, blocked, for the answer that only it could give: five seconds at a time it answers nobody.
      exits: world.kind === 'tls' ? [0, 3, 4, 5] : [0, 3, 4],
      says: /[A-Z]+_[A-Z]+|TIMEOUT/,
      mend: async (ended) => {
        if (ended !== 0 && !world.dead.has(world.cast.master)) await asBefore(world);
      },
    };
  },
};

/** The master under its other name, declared as its own replica. */
const declaredTwice: Standing = {
  at: {attach: ['candidate'], repoint: ['candidate'], failover: ['candidate'], pause: ['sibling']},
  arm: async (world, role) => {
    const name = `localhost:${portOf(world.at(world.cast.master))}`;
    declareWorld(world, {names: {[role]: name} as Partial<Record<Role, string>>});
    return {
      exits: [3],
      says: /SAME_INSTANCE/,
      args: argsOf(world, role === 'candidate' ? name : undefined),
      mend: async () => declareWorld(world),
    };
  },
};

async function putOwn(server: Server): Promise<void> {
  const raw = await server.connect({db: 3});
  await raw.cmd('SET', 'own', 'of nobody else');
  raw.close();
}

async function assertOwn(server: Server): Promise<void> {
  const raw = await server.connect({db: 3});
  assert.is(String(await raw.cmd('GET', 'own')), 'of nobody else', 'what only it held, in database 3, is gone');
  raw.close();
}

/** A server whose own keys are where a careless look does not find them. */
const ownInDatabase3: Standing = {
  at: {attach: ['candidate'], repoint: ['candidate']},
  arm: async (world, role) => {
    const server = world.cast[role];
    const isReplica = world.course === 'repoint';
    if (isReplica) {
      await server.raw.cmd('CONFIG', 'SET', 'replica-read-only', 'no');
      world.loose.add(server);
    }
    await putOwn(server);
    return {
      exits: [3],
      says: /WOULD_WIPE/,
      check: () => assertOwn(server),
      mend: async () => {
        if (!isReplica) return;
        await server.raw.cmd('CONFIG', 'SET', 'replica-read-only', 'yes');
        world.loose.delete(server);
      },
    };
  },
};

const onlyDatabase3: Standing = {
  at: {attach: ['master'], repoint: ['master'], failover: ['master'], pause: ['master'], dead: ['master']},
  variant: () => ({hasDatabase0: false}),
  arm: async () => ({exits: [0], mend: async () => undefined}),
};

export const names: Readonly<Record<string, Standing>> = {
  localhost,
  announced,
  ring,
  'self-followed': itself,
  'declared-twice': declaredTwice,
  'own-in-db3': ownInDatabase3,
  'only-db3': onlyDatabase3,
};
