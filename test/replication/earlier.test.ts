/** What two looks tell that one does not: how long a transfer takes, and whether resyncs go round. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import type {ServerFacts} from '../../src/redis/identity.js';
import {type Earlier, transferEta} from '../../src/replication/earlier.js';
import {judgeTopology} from '../../src/replication/judge.js';
import type {Observation} from '../../src/replication/observe.js';
import {NOTHING_PROBED} from '../../src/replication/probes.js';
import {Sampler} from '../../src/replication/sampler.js';
import {NO_LIMITS} from '../../src/report/limits.js';
import {Gate} from '../rig/gate.js';
import {withServers} from '../rig/servers.js';
import {address, attached, facts, instance, leading, listed, observed, replicaRole, shard, topology} from './worlds.js';

const test = suite('replication/earlier');
const [M, R] = ['10.0.0.1:6379', '10.0.0.2:6379'];
const declared = topology([shard(M, [instance(R, M)])]);

/** The same world at a moment, in seconds. */
function look(seconds: number, master: ServerFacts, replica: ServerFacts): Observation {
  const {byAddress, sampledMs} = observed({[M]: master, [R]: replica});
  return {byAddress: new Map([...byAddress].map(([at, one]) => [at, {...one, atMs: seconds * 1000}])), sampledMs};
}

const sending = leading([], {replicas: [listed(R, 'send_bulk')]});
const receiving = (read: number, over: Partial<ServerFacts> = {}) =>
  facts({
    ...{role: replicaRole(M, 'sync'), linkUp: false, syncInProgress: true, runId: 'one'},
    ...{syncReadBytes: read, syncTotalBytes: 1000, ...over},
  });

/** Of the replica, after a look before it. */
function eta(before: ServerFacts | null, now: ServerFacts): number | null {
  const previous = before === null ? null : look(10, sending, before);
  const earlier = previous === null ? null : {first: previous, previous};
  const {shards} = judgeTopology(declared, look(12, sending, now), NOTHING_PROBED, earlier);
  const {sync} = shards[0]!.instances[1]!;
  assert.is(sync?.phase, 'transfer');
  return sync!.etaSeconds;
}

const etas: readonly [string, ServerFacts | null, ServerFacts, number | null][] = [
  ['200 bytes in two seconds, 600 are left', receiving(200), receiving(400), 6],
  ['a single look', null, receiving(400), null],
  ['nothing came', receiving(400), receiving(400), null],
  ['it began anew', receiving(600), receiving(100), null],
  ['another snapshot', receiving(100, {syncTotalBytes: 900}), receiving(400), null],
  ['another process', receiving(200, {runId: 'before'}), receiving(400), null],
  ['of unknown size', receiving(200, {syncTotalBytes: null}), receiving(400, {syncTotalBytes: null}), null],
];
for (const [what, before, now, expected] of etas)
  test(`time left: ${what}`, () => assert.is(eta(before, now), expected));

test('the looks must not be the same one', () => {
  const now = look(10, sending, receiving(400));
  const one = now.byAddress.get(R)!;
  assert.ok(one.reachable && transferEta(one, {first: now, previous: now}, declared.shards[0]!.replicas[0]!) === null);
});

/** Is a loop told, after the master has given so many resyncs at these moments, in seconds? */
function isLoop(...given: readonly (readonly [seconds: number, fullSyncs: number])[]): boolean {
  const looks = given.map(([seconds, fullSyncs]) =>
    look(
      seconds,
      leading([], {fullSyncs, refusedPartialSyncs: 0, runId: 'one'}),
      facts({role: replicaRole(M, 'connect'), linkUp: false}),
    ),
  );
  const now = looks.at(-1)!;
  const earlier: Earlier | null = looks.length < 2 ? null : {first: looks[0]!, previous: looks.at(-2)!};
  const {problems} = judgeTopology(declared, now, NOTHING_PROBED, earlier);
  return problems.some(({code}) => code === 'RESYNC_LOOP');
}

test('resyncs are counted while they are watched', () => {
  assert.equal([isLoop([0, 3]), isLoop([0, 4])], [false, true], 'a single look goes by the total');
  assert.equal(isLoop([0, 1], [5, 2]), false, 'the first one while it is watched may be its own');
  assert.equal(isLoop([0, 1], [5, 2], [9, 3]), true, 'the second one is one too many, whatever the total');
  assert.equal(isLoop([0, 9], [30, 9]), true, 'many before, and not yet long enough without another');
  assert.equal(isLoop([0, 9], [61, 9]), false, 'many before, and none for a minute');
  assert.equal(isLoop([0, 9], [61, 9], [70, 10]), true, 'and on it goes');
});

test('a link that is up is in no loop', () => {
  const up = look(0, leading([R], {fullSyncs: 99}), attached(M));
  assert.equal(
    judgeTopology(declared, up, NOTHING_PROBED, null).problems.filter(({code}) => code === 'RESYNC_LOOP'),
    [],
  );
});

test('a sampler on real servers: a snapshot that travels slowly has a time left from the second look on', () =>
  withServers([{args: ['--repl-diskless-sync', 'no', '--rdbcompression', 'no']}, {}], async ([m, r], rig) => {
    await m!.raw.pipeline(Array.from({length: 100}, (_, i) => ['SET', `key:${i}`, `${i}`.padEnd(100_000, '.')]));
    const gate = await Gate.before(m!);
    rig.defer(() => gate.close());
    gate.delayMs = 6;
    const sampler = new Sampler(
      topology([shard(instance(m!.address, null, {peer: address(gate.address)}), [instance(r!.address, m!.address)])]),
      {limits: NO_LIMITS, again: '', readKnown: () => ({former: [], unfinished: []})},
    );
    await r!.raw.cmd('REPLICAOF', '127.0.0.1', gate.address.split(':')[1]!);
    const seen: (number | null)[] = [];
    await rig.until('the link', async () => {
      const {sync, link} = (await sampler.next(2000)).shards[0]!.instances[1]!;
      if (sync?.phase === 'transfer' && (sync.readBytes ?? 0) > 0) seen.push(sync.etaSeconds);
      return link === 'up';
    });
    assert.is(seen[0], null, 'the first look cannot know');
    const known = seen.filter((seconds) => seconds !== null);
    assert.ok(known.length > 0 && known.every((seconds) => seconds < 60), seen.join());
  }));

test.run();
