/**
 * The whole promise, on random data and random changes: after a rebalance every key is there, equal to the last consumer group and
 * the last millisecond, on exactly the server that owns it. `RTOPO_SEED=n` repeats a failed case.
 */
import {existsSync, readFileSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {snapshot} from '../rig/checker.js';
import {fill, prng, type Random, seedOfRun} from '../rig/data.js';
import {type Rig, type Server, withServers} from '../rig/servers.js';
import {
  assertPlaced,
  assertSame,
  assertStatus,
  durable,
  everything,
  field,
  flushAll,
  placer,
  type ShardSketch,
  topologyText,
} from './field.js';

const test = suite('migration/property');

interface Change {
  readonly from: string;
  readonly args: readonly string[];
  /** Written to `after.yml` for `--to`. */
  readonly to: string | null;
}

const named = ['ketama', 'modulo', 'slots'] as const;
const names = ['a', 'beta', 'c-3', 'delta', 'eps'];

function placementText(random: Random, scheme: (typeof named)[number]): string {
  const tag = random.int(2) === 0 ? '' : ', hashTag: "{}"';
  switch (scheme) {
    case 'ketama':
      return `{scheme: ketama, hash: ${random.pick(['fnv1a_64', 'md5', 'murmur'])}${tag}}`;
    case 'modulo':
      return `{scheme: modulo, hash: ${random.pick(['crc32', 'fnv1a_64'])}${tag}}`;
    case 'slots':
      return '{scheme: slots}';
  }
}

function rangesText(random: Random, shards: readonly ShardSketch[]): string {
  const limits = shards.slice(1).map((_, i) => String.fromCharCode(0x61 + Math.floor(((i + 1) * 20) / shards.length)));
  const owners = shards.map(({name}) => name).sort(() => random.next() - 0.5);
  const ranges = owners.map((name, i) =>
    i < limits.length ? `{below: "${limits[i]}", shard: ${name}}` : `{shard: ${name}}`,
  );
  return `{scheme: range, ranges: [${ranges.join(', ')}]}`;
}

function sketches(random: Random, servers: readonly Server[], indexes: readonly number[]): ShardSketch[] {
  return indexes.map((i) => ({
    name: names[i]!,
    address: servers[i]!.address,
    ...(random.int(3) === 0 ? {weight: 1 + random.int(3)} : {}),
  }));
}

/** Additions and removals by flags; another scheme, or ranges, by a file. */
function randomChange(random: Random, servers: readonly Server[], round: number): Change {
  const indexes = servers.map((_, i) => i).sort(() => random.next() - 0.5);
  const before = sketches(random, servers, indexes.slice(0, 1 + random.int(4)));
  if (before.length > 1 && round % 3 === 2) {
    const kept = before.filter(() => random.int(4) > 0);
    const joining = sketches(random, servers, indexes.slice(before.length));
    const after = [...kept, ...joining];
    const to = after.length === 0 ? before : after;
    const scheme = random.int(2) === 0 ? rangesText(random, to) : placementText(random, random.pick(named));
    const from = random.int(2) === 0 ? rangesText(random, before) : placementText(random, random.pick(named));
    return {from: topologyText(from, before), args: ['--to', 'after.yml'], to: topologyText(scheme, to)};
  }
  const from = topologyText(placementText(random, random.pick(named)), before);
  const removed = before.length > 1 && random.int(2) === 0 ? before.slice(0, 1 + random.int(before.length - 1)) : [];
  const spare = indexes.slice(before.length);
  const wanted = removed.length > 0 ? random.int(spare.length + 1) : 1 + random.int(spare.length);
  const added = spare.slice(0, wanted);
  const weight = () => (random.int(3) === 0 ? `:${1 + random.int(3)}` : '');
  const args = [
    ...removed.flatMap(({name}) => ['--remove', name]),
    ...added.flatMap((i) => ['--add', `${names[i]}=${servers[i]!.address}${weight()}`]),
  ];
  return {from, args, to: null};
}

async function oneCase(seed: number, round: number, servers: readonly Server[], rig: Rig): Promise<void> {
  const random = prng(seed);
  await flushAll(servers);
  const {from, args, to} = randomChange(random, servers, round);
  const home = field(rig, from);
  if (to !== null) writeFileSync(join(dirname(home.file), 'after.yml'), to);
  await fill(servers, {seed, keys: 180 + random.int(240), dbs: [0, 1, 9], place: placer(from, servers)});
  const before = await everything(servers);
  const run = await home.run(['rebalance', ...args, '--yes', '--json']);
  assertStatus(run, 0, `seed ${seed}: ${args.join(' ')}\n${from}`);
  const {result} = JSON.parse(run.stdout);
  assertSame(before, await everything(servers), `seed ${seed}: ${args.join(' ')}\n${from}`);
  await assertPlaced(home.text(), servers, `seed ${seed}`);
  assert.is(result.phase, 'done');
  assert.is(result.finalCheck.misplaced, 0);
  assert.is(result.writers, 'none-seen');
  assert.is(result.keys.copied, result.keys.moving, `seed ${seed}`);
  assert.is(result.keys.deleted + result.keys.expired, result.keys.moving, `seed ${seed}`);
  for (const {address, raw} of servers)
    assert.is(await raw.cmd('EXISTS', '__rtopo:lock'), 0, `lock left on ${address}`);
  if (to === null)
    for (const comment of ['head', 'name', 'list', 'tail']) assert.match(home.text(), `# kept: ${comment}`);
  else assert.is(home.text(), to);
  const backup = `${home.file}.before-${result.id}`;
  assert.ok(existsSync(backup), `seed ${seed}: no backup`);
  assert.is(readFileSync(backup, 'utf8'), from);
  assert.is(
    home.files().some((name) => name.endsWith('.tmp')),
    false,
  );
  assertStatus(await home.run(['verify']), 0, `verify, seed ${seed}`);
}

test('random data under random changes: every key arrives, equal and once', async () => {
  const first = seedOfRun();
  const five = [durable, durable, durable, durable, durable];
  const rounds = async (servers: readonly Server[], rig: Rig) => {
    for (let round = 0; round < 12; round++) await oneCase(first + round, round, servers, rig);
  };
  await withServers(five, rounds, {timeoutMs: 150_000});
});

test('age travels: idle times to a target that evicts by them, frequencies to one that counts', async () => {
  await withServers([durable, durable], async (servers, rig) => {
    const [a, b] = servers as [Server, Server];
    for (const [policy, command] of [
      ['allkeys-lru', 'IDLETIME'],
      ['volatile-lfu', 'FREQ'],
    ] as const) {
      await flushAll(servers);
      // An idle time is known of a server without any policy too, a frequency only where it is counted.
      for (const {raw} of servers) await raw.cmd('CONFIG', 'SET', 'maxmemory-policy', policy);
      if (command === 'IDLETIME') await a.raw.cmd('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
      const keys = Array.from({length: 60}, (_, i) => `key:${i}`);
      for (const [i, key] of keys.entries()) {
        await a.raw.cmd('SET', key, `value ${i}`, 'PX', 3_600_000 + i);
        const payload = (await a.raw.cmd('DUMP', key)) as Buffer;
        const age = command === 'IDLETIME' ? 1000 + 100 * i : 20 + i;
        const expireAt = Number(await a.raw.cmd('PEXPIRETIME', key));
        await a.raw.cmd(
          'RESTORE',
          key,
          expireAt,
          payload,
          'REPLACE',
          'ABSTTL',
          command === 'IDLETIME' ? 'IDLETIME' : 'FREQ',
          age,
        );
      }
      const home = field(rig, topologyText('{scheme: modulo}', [{name: 'a', address: a.address}]));
      assertStatus(await home.run(['rebalance', '--add', `b=${b.address}`, '--yes']), 0);
      let moved = 0;
      for (const [i, key] of keys.entries()) {
        if ((await b.raw.cmd('EXISTS', key)) !== 1) continue;
        const age = Number(await b.raw.cmd('OBJECT', command, key));
        const wanted = command === 'IDLETIME' ? 1000 + 100 * i : 20 + i;
        assert.ok(
          Math.abs(age - wanted) <= (command === 'IDLETIME' ? 10 : 0),
          `${key}: ${command} ${age}, not ${wanted}`,
        );
        moved += 1;
      }
      assert.ok(moved > 10);
      assert.is((await snapshot(b)).size, moved);
    }
  });
});

test.run();
