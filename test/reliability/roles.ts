/** Layer: what an operator meets while replication changes, for each part that a server plays and each moment of the change. */
import {prng} from '../rig/data.js';
import {withServers} from '../rig/servers.js';
import type {Layer, Outcome} from './layer.js';
import {runStanding} from './roles-stand.js';
import {standing, standingCases} from './roles-standing.js';
import {runStrike} from './roles-strike.js';
import {makesSense, phases, type StrikeName, strikes} from './roles-strikes.js';
import {pkiFor} from './roles-tls.js';
import {type Course, courses, type Kind, kinds, makeWorld, type Role, roles, specsOf} from './roles-world.js';

interface Case {
  readonly course: Course;
  readonly role: Role;
  readonly fault: string;
  readonly phase: string;
  readonly kind: Kind;
}

const textOf = ({course, role, fault, phase, kind}: Case): string => [course, role, fault, phase, kind].join(':');

export function parseCase(id: string): Case {
  const [course, role, fault, phase, kind = 'redis'] = id.split(':') as [Course, Role, string, string, Kind?];
  return {course, role, fault, phase, kind};
}

function strikeCases(): Omit<Case, 'kind'>[] {
  return courses.flatMap((course) =>
    Object.keys(phases[course]).flatMap((phase) =>
      roles.flatMap((role) =>
        (Object.keys(strikes) as StrikeName[])
          .filter((fault) => makesSense(course, role, fault))
          .map((fault) => ({course, role, fault, phase})),
      ),
    ),
  );
}

const BEFORE = 'before';

/** Half of the cases come over a running change, half stand before it; each half has something of every fault before it has twice the same. */
async function plan(wanted: number, seed: number): Promise<string[]> {
  const random = prng(seed);
  const half = Math.ceil(wanted / 2);
  const struck = mixed(strikeCases(), ({fault, phase}) => `${fault} ${phase}`, random).slice(0, half);
  const stood = mixed(
    standingCases().map((one) => ({...one, phase: BEFORE})),
    ({fault}) => fault,
    random,
  ).slice(0, wanted - struck.length);
  const all = struck.flatMap((one, i) => (i < stood.length ? [one, stood[i]!] : [one]));
  return [...all, ...stood.slice(struck.length)].map((one, i) => {
    const isPlain = standing[one.fault]?.isPlain === true;
    return textOf({...one, kind: isPlain ? 'redis' : kinds[Math.floor(i / 2) % kinds.length]!});
  });
}

/** Shuffled, and one of each group in turn. */
function mixed<T>(items: readonly T[], groupOf: (item: T) => string, random: {next(): number}): T[] {
  const shuffled = items.map((item) => ({item, at: random.next()})).sort((a, b) => a.at - b.at);
  const seen = new Map<string, number>();
  return shuffled
    .map(({item}, at) => {
      const round = seen.get(groupOf(item)) ?? 0;
      seen.set(groupOf(item), round + 1);
      return {item, round, at};
    })
    .sort((a, b) => a.round - b.round || a.at - b.at)
    .map(({item}) => item);
}

async function run(id: string): Promise<Outcome> {
  const {course, role, fault, phase, kind} = parseCase(id);
  const tls = kind === 'tls' ? await pkiFor(roles.length) : null;
  const variant = (phase === BEFORE ? standing[fault]?.variant?.(role) : undefined) ?? {};
  return withServers(
    specsOf(kind, variant, tls),
    async (servers, rig) => {
      const world = await makeWorld(rig, servers, {course, kind, tls, variant});
      if (phase === BEFORE) return runStanding(world, {course, role, fault});
      return runStrike(world, {role, name: fault as StrikeName, phase});
    },
    {timeoutMs: 90_000},
  );
}

export const rolesLayer: Layer = {
  name: 'roles',
  about:
    'A master, its successor, a sibling or a replica of a replica is stopped, killed, restarted with its data, empty, with an old snapshot or without its role, at each moment of ' +
    '`rtopo replicate`, `switchover` (both engines) and `failover`; or something stands in the way before: wrong passwords, each command of `rtopo acl` missing in turn, ' +
    '`localhost`, announced addresses, rings, servers that follow themselves, renamed commands, files that cannot be written, forged INFO, LOADING, BUSY. Redis 7.0, Valkey 8 and TLS in ' +
    'turn, always under the users that `rtopo acl` prints. Nobody loses data or acknowledged writes, no two masters are made, every end is explained, and one printed command mends it.',
  full: 240,
  plan,
  run,
};
