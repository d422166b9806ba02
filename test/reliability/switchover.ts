/** Layers of `rtopo switchover` and `rtopo failover`: killed at every point under writers, and many whole runs whose write gaps are measured. */
import * as assert from 'uvu/assert';
import {
  type Course,
  countSpots,
  parseStrike,
  type Spot,
  type Strike,
  strikeOnce,
  strikeText,
} from '../replication/change-kill.js';
import {assertLeads, assertProved, oneShard, persistent, said, underWriters} from '../replication/mastering.js';
import {type Server, withServers} from '../rig/servers.js';
import {type Layer, type Outcome, spread} from './layer.js';

const courses: readonly Course[] = ['failover', 'pause', 'dead'];

/** Every point of every course, each before and after; those that can be undone once more with an abort. */
export async function allStrikes(): Promise<Strike[]> {
  const all: Strike[] = [];
  for (const course of courses) {
    const spots = await countSpots(course);
    for (const spot of ['record', 'order', 'file'] as const satisfies readonly Spot[]) {
      for (let n = 1; n <= spots[spot]; n++) {
        for (const when of ['before', 'after'] as const) {
          // Dead after the last record, all is done.
          if (spot === 'record' && n === spots[spot] && when === 'after') continue;
          all.push({course, spot, n, when, verb: 'resume'});
          if (course !== 'dead') all.push({course, spot, n, when, verb: 'abort'});
        }
      }
    }
  }
  return all;
}

export const switchover: Layer = {
  name: 'switchover',
  about:
    'kill -9 at every record of the journal, every order to a server and every step of rewriting the topology file, in `rtopo switchover` with both engines and in ' +
    '`rtopo failover`, while clients write; the servers are looked at before anything is mended (never two masters, nothing wiped), then one resume or abort ends it.',
  full: 200,
  async plan(wanted) {
    const all = (await allStrikes()).map(strikeText);
    // More than there are points: the same again, for the writers never do the same twice.
    return Array.from({length: Math.ceil(wanted / all.length)}, (_, i) =>
      spread(all, Math.min(all.length, wanted - i * all.length)),
    ).flat();
  },
  async run(id): Promise<Outcome> {
    const strike = parseStrike(id);
    const met = await strikeOnce(strike);
    return {hit: met !== null, met: `${strike.course} ${strike.verb}: ${met}`};
  },
};

const gaps: Record<string, number[]> = {failover: [], pause: []};

/** So many there and back in one case: the servers are started once. */
const RUNS = 10;

export const gap: Layer = {
  name: 'gap',
  about: `${RUNS} switchovers to and fro under 8 writers with a ledger of what was acknowledged, with each engine in turn: nothing may be lost, and the time that writes waited is measured.`,
  full: 10,
  async plan(wanted) {
    return Array.from({length: wanted}, (_, i) => `${i % 2 === 0 ? 'failover' : 'pause'}:${i}`);
  },
  run(id): Promise<Outcome> {
    const engine = id.split(':')[0]!;
    return withServers(
      [persistent, persistent, persistent],
      async (servers, rig) => {
        const cluster = await oneShard(rig, servers);
        let [old, next, third] = servers as unknown as [Server, Server, Server];
        for (let n = 0; n < RUNS; n++) {
          const change = async () => {
            const run = await cluster.rtopo([
              'switchover',
              'alpha',
              '--to',
              next.address,
              '--engine',
              engine,
              '--yes',
              '--json',
            ]);
            assert.is(run.status, 0, said(run));
            const {result} = JSON.parse(run.stdout);
            assertProved(result);
            gaps[engine]!.push(result.writeGapMs);
          };
          await underWriters(old, next, change, 8);
          await assertLeads(cluster, next, [old, third]);
          [old, next] = [next, old];
        }
        return {hit: true, met: `engine ${engine}`, checks: RUNS};
      },
      {timeoutMs: 240_000},
    );
  },
  summary: () =>
    Object.entries(gaps).flatMap(([engine, all]) => {
      const sorted = [...all].sort((a, b) => a - b);
      const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
      return sorted.length === 0
        ? []
        : [
            `engine ${engine}: ${sorted.length} switchovers, write gap p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${sorted.at(-1)} ms`,
          ];
    }),
};
