/**
 * kill -9 at every record of the journal and at every step of replacing the topology file: at each death no key is lost, and one
 * `resume` (or `abort`) later the world is as if nothing had happened.
 */
import {readFileSync, rmSync, truncateSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import type {RtopoError} from '../../src/errors.js';
import {abort as abortOperation, resumeOperation} from '../../src/migration/recover.js';
import type {RebalanceReport} from '../../src/report/rebalance.js';
import type {Snapshot} from '../rig/checker.js';
import {type CliResult, cliStart, countEnv, killEnv} from '../rig/cli.js';
import {fill} from '../rig/data.js';
import {type Rig, type Server, withServers} from '../rig/servers.js';
import {
  assertNothingLost,
  assertPlaced,
  assertSame,
  assertStatus,
  durable,
  everything,
  type Field,
  field,
  flushAll,
  pasted,
  placer,
  said,
  topologyText,
} from './field.js';

const test = suite('migration/kill');

const journalPath = /\.jsonl$/;
const preload = new URL('./kill-topology.mjs', import.meta.url).href;

/** Three servers for one case at a time; the third one joins. */
interface Lane {
  readonly servers: readonly Server[];
  readonly rig: Rig;
}

interface Case {
  readonly home: Field;
  readonly from: string;
  readonly before: Snapshot;
  readonly args: readonly string[];
}

async function prepare({servers, rig}: Lane, seed: number): Promise<Case> {
  await flushAll(servers);
  const [a, b, c] = servers as [Server, Server, Server];
  const placement = '{scheme: ketama, hash: md5}';
  const shards = [
    {name: 'a', address: a.address},
    {name: 'b', address: b.address},
  ];
  const from = topologyText(placement, shards);
  const place = placer(from, servers);
  await fill(servers, {seed, keys: 60, place});
  // One source has a second database, so that batches of several databases follow each other.
  const next = placer(topologyText(placement, [...shards, {name: 'c', address: c.address}]), servers);
  const keys = Array.from({length: 200}, (_, i) => Buffer.from(`elsewhere:${i}`));
  const moving = keys.filter((key) => place(key) === 0 && next(key) === 2).slice(0, 6);
  await a.raw.pipeline([['SELECT', 3], ...moving.map((key) => ['SET', key, 'x', 'PX', 7_654_321]), ['SELECT', 0]]);
  const before = await everything(servers);
  return {home: field(rig, from), from, before, args: ['rebalance', '--add', `c=${c.address}`, '--yes', '--json']};
}

/** Whatever the death left: nothing lost now, one resume, everything in place, and nothing to do for a second one. */
async function assertRecovers({servers}: Lane, one: Case, what: string, by: 'command' | 'code'): Promise<void> {
  const {home, before} = one;
  await assertNothingLost(before, servers, what);
  const result = await resumed(one, by, what);
  assert.is(result.phase, 'done', what);
  assert.is(result.keys.copied, result.keys.moving, `${what}: copied`);
  assert.is(result.keys.deleted, result.keys.moving, `${what}: deleted`);
  assertSame(before, await everything(servers), what);
  await assertPlaced(home.text(), servers, what);
  assert.is(readFileSync(`${home.file}.before-${result.id}`, 'utf8'), one.from, what);
  for (const {raw} of servers) assert.is(await raw.cmd('EXISTS', '__rtopo:lock'), 0, `${what}: lock`);
}

/** A resume by the command line or, to save its start, by the code behind it. */
async function resumed({home, before, args}: Case, by: 'command' | 'code', what: string): Promise<RebalanceReport> {
  let run: CliResult;
  try {
    if (by === 'code') return await resumeOperation(codeOptions(home));
    run = await home.run(['rebalance', 'resume', '--yes', '--json']);
    if (run.status === 64) run = await home.run(args);
  } catch (error) {
    // Died before its first record: nothing was begun, and nothing stands in the way of a new attempt.
    assert.is((error as RtopoError).code, 'NO_OPERATION', `${what}: ${(error as Error).message}`);
    assert.is(home.text().includes('name: c'), false, what);
    run = await home.run(args);
  }
  assertStatus(run, 0, `${what}, ${before.size} keys`);
  return JSON.parse(run.stdout).result;
}

function codeOptions({file, home}: Field) {
  const stateDir = join(home, 'state', 'rtopo');
  const quiet = {onProgress: () => undefined, interrupted: () => false};
  return {...quiet, file, stateDir, id: undefined, timeoutMs: 5000, again: ''};
}

async function assertNoop({servers}: Lane, {home, before}: Case): Promise<void> {
  const text = home.text();
  for (const args of [['resume', '--yes'], ['status'], ['prune', '--yes']]) {
    assertStatus(await home.run(['rebalance', ...args]), 0, args.join(' '));
  }
  assertSame(before, await everything(servers), 'after a second resume');
  assert.is(home.text(), text);
}

/** What a power cut leaves of a record that was written and not synced: half of it. */
function tear(home: Field): void {
  const [path] = home.journals();
  if (path === undefined) return;
  const bytes = readFileSync(path);
  const start = bytes.lastIndexOf(10, bytes.length - 2) + 1;
  truncateSync(path, start + Math.floor((bytes.length - start) / 2));
}

async function count(lane: Lane, path: RegExp): Promise<number> {
  const one = await prepare(lane, 7);
  const file = join(lane.rig.dir, 'count.json');
  assertStatus(await one.home.run(one.args, {env: countEnv(path, file)}), 0, 'counting');
  await assertNoop(lane, one);
  return JSON.parse(readFileSync(file, 'utf8')).fsync;
}

/** Spreads the cases over the lanes, each lane one case at a time. */
async function overLanes<T>(lanes: readonly Lane[], cases: readonly T[], run: (lane: Lane, one: T) => Promise<void>) {
  const left = [...cases];
  await Promise.all(
    lanes.map(async (lane) => {
      for (let one = left.shift(); one !== undefined; one = left.shift()) await run(lane, one);
    }),
  );
}

async function withLanes(body: (lanes: readonly Lane[]) => Promise<void>): Promise<void> {
  const six = [durable, durable, durable, durable, durable, durable];
  await withServers(
    six,
    async (servers, rig) => {
      await body([
        {servers: servers.slice(0, 3), rig},
        {servers: servers.slice(3), rig},
      ]);
    },
    {timeoutMs: 150_000},
  );
}

function assertKilled(run: CliResult, what: string): void {
  assert.is(run.signal, 'SIGKILL', `${what}: was not killed\n${said(run)}`);
}

test('killed at any record of the journal, torn or whole', async () => {
  await withLanes(async (lanes) => {
    const records = await count(lanes[0]!, journalPath);
    assert.ok(records >= 20, `only ${records} records`);
    const points = Array.from({length: records}, (_, i) => [
      {n: i + 1, when: 'before' as const},
      {n: i + 1, when: 'after' as const},
    ]).flat();
    await overLanes(lanes, points, async (lane, {n, when}) => {
      const what = `${when} fsync ${n} of ${records}`;
      const one = await prepare(lane, n);
      assertKilled(await one.home.run(one.args, {env: killEnv({path: journalPath, op: 'fsync', n, when})}), what);
      if (when === 'before') tear(one.home);
      await assertRecovers(lane, one, what, n % 4 === 0 ? 'command' : 'code');
    });
  });
});

test('killed at any step of replacing the topology file', async () => {
  await withLanes(async (lanes) => {
    const counting = await prepare(lanes[0]!, 3);
    const file = join(lanes[0]!.rig.dir, 'steps');
    const env = {NODE_OPTIONS: `--import ${preload}`};
    assertStatus(await counting.home.run(counting.args, {env: {...env, RTOPO_COUNT_TOPOLOGY: file}}), 0);
    const steps = Number(readFileSync(file, 'utf8'));
    assert.ok(steps >= 4, `only ${steps} steps`);
    const points = Array.from({length: steps}, (_, i) => [`${i + 1}:before`, `${i + 1}:after`]).flat();
    await overLanes(lanes, points, async (lane, point) => {
      const one = await prepare(lane, 50);
      assertKilled(await one.home.run(one.args, {env: {...env, RTOPO_KILL_TOPOLOGY: point}}), point);
      await assertRecovers(lane, one, `step ${point} of ${steps}`, 'code');
    });
  });
});

test('killed while it aborts, at any record', async () => {
  await withLanes(async ([lane]) => {
    const begin = async () => {
      const one = await prepare(lane!, 5);
      // The last record before the cutover: all copies are there.
      const killed = {path: journalPath, op: 'fsync' as const, n: 11, when: 'after' as const};
      assertKilled(await one.home.run(one.args, {env: killEnv(killed)}), 'copying');
      return one;
    };
    const file = join(lane!.rig.dir, 'abort.json');
    const counting = await begin();
    assert.ok(Number(await lane!.servers[2]!.raw.cmd('DBSIZE')) > 10);
    const abort = ['rebalance', 'abort', '--yes', '--json'];
    assertStatus(await counting.home.run(abort, {env: countEnv(journalPath, file)}), 0);
    const records = JSON.parse(readFileSync(file, 'utf8')).fsync;
    for (let n = 1; n <= records; n++) {
      for (const when of ['before', 'after'] as const) {
        const one = await begin();
        assertKilled(await one.home.run(abort, {env: killEnv({path: journalPath, op: 'fsync', n, when})}), `abort ${n}`);
        if (when === 'before' && n > 1) tear(one.home);
        await assertNothingLost(one.before, lane!.servers, `abort ${n} ${when}`);
        const {report, kept} = await abortOperation(codeOptions(one.home));
        assert.is(report.phase, 'aborted');
        assert.is(kept, 0);
        assertSame(one.before, await everything(lane!.servers), `abort ${n} ${when}`);
        assert.is(await lane!.servers[2]!.raw.cmd('DBSIZE'), 0);
        assert.is(one.home.text(), one.from);
      }
    }
    // What an abort leaves is a fresh start.
    const one = await begin();
    assertStatus(await one.home.run(abort), 0);
    assertStatus(await one.home.run(abort), 0, 'a second abort');
    assertStatus(await one.home.run(one.args), 0);
    assertSame(one.before, await everything(lane!.servers), 'after abort and a new attempt');
  });
});

test('interrupted: the journal is written, the command that is printed goes on', async () => {
  await withServers([durable, durable, durable], async (servers, rig) => {
    const lane = {servers, rig};
    const one = await prepare(lane, 9);
    // Enough batches that the interrupt arrives between two of them.
    const [a, b] = servers as [Server, Server];
    const place = placer(one.from, servers);
    const commands: [string, string, string][][] = [[], []];
    for (let i = 0; i < 30_000; i++) commands[place(Buffer.from(`many:${i}`))]!.push(['SET', `many:${i}`, `value ${i}`]);
    await Promise.all([a.raw.pipeline(commands[0]!), b.raw.pipeline(commands[1]!)]);
    const before = await everything(servers);
    const state = join(rig.dir, 'a state');
    const args = [...one.args.filter((arg) => arg !== '--json'), '--topology', one.home.file, '--state-dir', state];
    const run = cliStart(args, {cwd: rig.dir, home: one.home.home});
    await rig.until('copies', async () => Number(await servers[2]!.raw.cmd('DBSIZE')) > 500);
    run.kill('SIGINT');
    const ended = await run.done;
    assertStatus(ended, 130);
    assert.match(ended.stderr, /stopping after the batch at hand/);
    await assertNothingLost(before, servers, 'interrupted');
    const command = /try: +rtopo (.*)/.exec(ended.stderr)?.[1] ?? '';
    assert.match(command, /^rebalance resume \w{26} --topology .* --state-dir '.*a state'$/);
    const words = [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!);
    const status = await one.home.run(['rebalance', 'status', ...words.slice(3)]);
    assertStatus(status, 2);
    assert.ok(status.stdout.includes(`rtopo ${command}`), status.stdout);
    assertStatus(await one.home.run([...words, '--yes'], {cwd: rig.dir}), 0);
    assertSame(before, await everything(servers), 'resumed');
    await assertPlaced(one.home.text(), servers, 'resumed');
  });
});

test('a journal that cannot be written stops the run before it changes more', async () => {
  await withServers([durable, durable, durable], async (servers, rig) => {
    const one = await prepare({servers, rig}, 4);
    const full = join(rig.dir, 'full.mjs');
    writeFileSync(
      full,
      `import fs from 'node:fs'; import {syncBuiltinESMExports} from 'node:module';
       const real = fs.writeSync; let n = 0;
       fs.writeSync = (fd, bytes, from, length, ...rest) => {
         if (fd < 3) return real(fd, bytes, from, length, ...rest);
         n += 1;
         if (n < 7) return real(fd, bytes, from, length, ...rest);
         if (n === 7) return real(fd, bytes, from, 40);
         throw Object.assign(new Error('full'), {code: 'ENOSPC'});
       };
       syncBuiltinESMExports();`,
    );
    const run = await one.home.run(one.args, {env: {NODE_OPTIONS: `--import ${full}`}});
    assertStatus(run, 4);
    const {error} = JSON.parse(run.stdout);
    assert.is(error.code, 'JOURNAL_FAILED');
    assert.match(error.message, 'ENOSPC');
    await assertNothingLost(one.before, servers, 'disk full');
    const command = pasted(error.remedy);
    assert.equal(command.slice(0, 2), ['rebalance', 'resume']);
    rmSync(full);
    assertStatus(await one.home.run([...command, '--yes']), 0);
    assertSame(one.before, await everything(servers), 'disk full');
  });
});

test.run();
