/**
 * kill -9 at every record of the journal and at every step of replacing the topology file: at each death no key is lost, and one
 * `resume` (or `abort`) later the world is as if nothing had happened.
 */
import {readFileSync, truncateSync} from 'node:fs';
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import type {RtopoError} from '../../src/errors.js';
import {abort as abortOperation, resumeOperation} from '../../src/migration/recover.js';
import type {RebalanceReport} from '../../src/report/rebalance.js';
import {type CliResult, countEnv, killEnv} from '../rig/cli.js';
import {withServers} from '../rig/servers.js';
import {
  assertNothingLost,
  assertPlaced,
  assertSame,
  assertStatus,
  durable,
  everything,
  type Field,
  said,
} from './field.js';
import {type Case, type Lane, prepare} from './joining.js';

const test = suite('migration/kill');

const journalPath = /\.jsonl$/;
const preload = new URL('./kill-topology.mjs', import.meta.url).href;

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
    // Records that come together are one write: fewer syncs than records, each a place to die at.
    assert.ok(records >= 12, `only ${records} syncs`);
    const points = Array.from({length: records}, (_, i) => [
      {n: i + 1, when: 'before' as const},
      {n: i + 1, when: 'after' as const},
    ]).flat();
    let missed = 0;
    await overLanes(lanes, points, async (lane, {n, when}) => {
      const what = `${when} fsync ${n} of ${records}`;
      const one = await prepare(lane, n);
      const run = await one.home.run(one.args, {env: killEnv({path: journalPath, op: 'fsync', n, when})});
      // How many records travel together is a matter of chance: another run may be done before it comes to the last ones.
      if (run.status === 0 && n > records * 0.7) {
        missed += 1;
        return assertNoop(lane, one);
      }
      assertKilled(run, what);
      if (when === 'before') tear(one.home);
      await assertRecovers(lane, one, what, n % 4 === 0 ? 'command' : 'code');
    });
    assert.ok(missed <= points.length / 10, `${missed} of ${points.length} were over before their turn`);
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

test('killed while it copies, and undone: what had landed was announced before, so no copy stays', async () => {
  await withLanes(async (lanes) => {
    await overLanes(lanes, [3, 4, 5, 6, 7, 8], async ({servers}, n) => {
      const one = await prepare({servers, rig: lanes[0]!.rig}, n);
      const env = killEnv({path: journalPath, op: 'fsync', n, when: 'before'});
      assertKilled(await one.home.run(one.args, {env}), `fsync ${n}`);
      tear(one.home);
      await assertNothingLost(one.before, servers, `fsync ${n}`);
      const {report, kept} = await abortOperation(codeOptions(one.home));
      assert.equal([report.phase, kept], ['aborted', 0]);
      assertSame(one.before, await everything(servers), `undone after fsync ${n}`);
      assert.is(await servers[2]!.raw.cmd('DBSIZE'), 0, `a copy is left after fsync ${n}`);
    });
  });
});

test('killed while it aborts, at any record', async () => {
  await withLanes(async ([lane]) => {
    const begin = async () => {
      const one = await prepare(lane!, 5);
      // The last moment before the cutover: all copies are there.
      const env = {NODE_OPTIONS: `--import ${preload}`, RTOPO_KILL_TOPOLOGY: '1:before'};
      assertKilled(await one.home.run(one.args, {env}), 'copying');
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
        assertKilled(
          await one.home.run(abort, {env: killEnv({path: journalPath, op: 'fsync', n, when})}),
          `abort ${n}`,
        );
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

test.run();
