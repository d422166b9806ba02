/** Layer 5: surroundings that are against it: no room, small limits, wrong clocks, short lives, writers, other operators, consumers. */

import {prng} from '../rig/data.js';
import {consume, intrude, oversleep, race, squat, stolenLock} from './hostile-actors.js';
import {jumpingClock, shortLives, wrongClock} from './hostile-clock.js';
import {losesRoom, refusedForRoom, smallBulk} from './hostile-memory.js';
import {type Write, writes, writing} from './hostile-writer.js';
import type {Layer, Outcome} from './layer.js';

type Trial = (seed: number) => Promise<Outcome>;

const HOUR_MS = 3_600_000;

/** By name, the most telling first: a small share takes them in this order. */
const trials: Readonly<Record<string, Trial>> = {
  'lru-copying': losesRoom('allkeys-lru', 'copying'),
  'write-all-throughout': writing('all', 'throughout'),
  'clock-ahead': wrongClock(HOUR_MS),
  'short-lives': shortLives,
  'oversleep-pruning': oversleep('pruning'),
  'xack-old': consume('XACK', 'old'),
  'race-two-accounts': race('two'),
  'stolen-lock-pruning': stolenLock('pruning'),
  'squat-copying': squat('copying'),
  'oom-copying': losesRoom('noeviction', 'copying'),
  'small-bulk': smallBulk,
  'write-set-verified': writing('SET', 'verified'),
  'clock-jumps-some-copied': jumpingClock('some-copied'),
  'xreadgroup-new': consume('XREADGROUP', 'new'),
  'race-one-account': race('one'),
  'lru-verified': losesRoom('allkeys-lru', 'verified'),
  'lru-start': refusedForRoom('allkeys-lru'),
  'oom-start': refusedForRoom('noeviction'),
  'clock-behind': wrongClock(-HOUR_MS),
  'clock-jumps-begun': jumpingClock('begun'),
  'clock-jumps-copying': jumpingClock('copying'),
  'clock-jumps-verified': jumpingClock('verified'),
  'intrude-run': intrude('copying', 'run'),
  'intrude-resume': intrude('copying', 'resume'),
  'intrude-abort': intrude('verified', 'abort'),
  'intrude-resume-pruning': intrude('pruning', 'resume'),
  'oversleep-copying': oversleep('copying'),
  'oversleep-verified': oversleep('verified'),
  'oversleep-some-pruned': oversleep('some-pruned'),
  'xreadgroup-old': consume('XREADGROUP', 'old'),
  'xclaim-old': consume('XCLAIM', 'old'),
  'xgroup-old': consume('XGROUP', 'old'),
  'xack-new': consume('XACK', 'new'),
  ...writerTrials(),
};

function writerTrials(): Record<string, Trial> {
  const found: Record<string, Trial> = {};
  for (const when of ['begun', 'copying', 'some-copied', 'copied', 'verified', 'cutover', 'pruning'] as const)
    for (const kind of writes) found[`write-${kind.toLowerCase()}-${when}`] ??= writing(kind as Write, when);
  for (const kind of writes) found[`write-${kind.toLowerCase()}-throughout`] = writing(kind, 'throughout');
  return found;
}

async function plan(wanted: number, seed: number): Promise<string[]> {
  const random = prng(seed);
  const names = Object.keys(trials);
  return Array.from({length: wanted}, (_, i) => `${names[i % names.length]}:${1 + random.int(1_000_000)}`);
}

function run(id: string): Promise<Outcome> {
  const [name, seed] = id.split(':') as [string, string];
  const trial = trials[name];
  if (trial === undefined) throw new Error(`there is no trial '${name}'`);
  return trial(Number(seed));
}

export const hostile: Layer = {
  name: 'hostile',
  about:
    'Targets that evict or are full, a target that closes the connection at 1 MB, a target whose clock is or jumps an hour ahead, keys with milliseconds to live, ' +
    'writers on moving keys with a ledger of what was acknowledged, two operators, a lost lease, consumers of streams between copy and deletion.',
  full: 2 * Object.keys(trials).length,
  plan,
  run,
};
