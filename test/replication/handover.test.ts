/** The mastership passes from one real server to another while clients write. */
import {spawn} from 'node:child_process';
import {existsSync, readFileSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {RtopoError} from '../../src/errors.js';
import {type FollowOptions, follow} from '../../src/replication/follow.js';
import {type Fence, type HandoverOptions, handOver} from '../../src/replication/handover.js';
import {cleanEnv, watch} from '../rig/cli.js';
import {moreWrites, startLedger, watchLeaders} from '../rig/ledger.js';
import {type Rig, type Server, withServers} from '../rig/servers.js';
import {fill, follows} from './live.js';
import {instance} from './worlds.js';

const test = suite('replication/handover');

const pairOf = (old: Server, next: Server) => ({old: instance(old.address), next: instance(next.address)});

function attach(old: Server, next: Server, over: Partial<FollowOptions> = {}): Promise<void> {
  const pair = {child: instance(next.address), parent: instance(old.address)};
  return follow(pair, {
    ...{login: null, commandTimeoutMs: 1000, silenceMs: 10_000, onAttach: () => undefined, checkpoint: () => undefined},
    ...over,
  });
}

function pass(old: Server, next: Server, over: Partial<HandoverOptions> = {}) {
  return handOver(pairOf(old, next), {
    ...{login: null, commandTimeoutMs: 1000, fenceMs: 3000, fence: null, onFenced: () => undefined},
    ...over,
  });
}

async function fails(work: Promise<unknown>, code: string): Promise<RtopoError> {
  try {
    await work;
  } catch (error) {
    assert.instance(error, RtopoError, String((error as Error).stack));
    assert.is((error as RtopoError).code, code, (error as RtopoError).message);
    return error as RtopoError;
  }
  throw new Error(`ended well instead of ${code}`);
}

/** Writes flow at the server: no fence was left behind. */
async function takesWrites(server: Server): Promise<void> {
  const raw = await server.connect({timeoutMs: 1000});
  assert.is(String(await raw.cmd('SET', 'probe', '1')), 'OK');
}

test('under load: nothing acknowledged is lost, never two masters, the old one comes along by a partial resync', () =>
  withServers(2, async ([old, next], rig) => {
    await fill(old!, 2000);
    await attach(old!, next!);
    const ledger = startLedger([old!, next!]);
    const leaders = watchLeaders(old!, next!);
    await moreWrites(ledger);
    const fences: Fence[] = [];
    const handed = await pass(old!, next!, {onFenced: (fence) => fences.push(fence)});
    await moreWrites(ledger);
    const seen = await leaders.stop();
    await ledger.close();
    assert.is(seen.both, 0);
    assert.ok(seen.looks > 20);
    assert.equal([await follows(old!), await follows(next!)], [next!.address, 'master']);
    assert.equal(await ledger.lostOn(next!), []);
    assert.ok(ledger.acknowledged()[1]! > 100, 'the writers went over');
    assert.ok(handed.promotedOffset >= handed.fencedOffset && handed.fencedOffset >= fences[0]!.offset);
    assert.ok(handed.writeGapMs! < 3000, `${handed.writeGapMs} ms`);
    await rig.caughtUp(next!, old!);
    const {sync_full: full} = await next!.raw.info('stats');
    assert.equal(Number(full), handed.fullSyncs, 'a full resync of the old master');
    assert.equal(await ledger.lostOn(old!), []);
    // Again is no change.
    const again = await pass(old!, next!, {fence: fences[0]!});
    assert.is(again.promotedOffset, handed.promotedOffset);
    assert.equal([await follows(old!), await follows(next!)], [next!.address, 'master']);
  }));

test('a new master that lags behind is waited for', () =>
  withServers(2, async ([old, next]) => {
    await attach(old!, next!);
    // Acknowledged at once, and then a hundred megabytes are on their way.
    const value = Buffer.alloc(5_000_000, 'x');
    await old!.raw.pipeline(Array.from({length: 20}, (_, i) => ['SET', `big:${i}`, value]));
    await pass(old!, next!, {fenceMs: 10_000});
    assert.is(await next!.raw.cmd('DBSIZE'), 20);
  }));

test('back again: the handover is its own inverse, without a full resync', () =>
  withServers(2, async ([old, next], rig) => {
    await fill(old!, 50);
    await attach(old!, next!);
    await pass(old!, next!);
    await next!.raw.cmd('SET', 'after', 'x');
    await rig.caughtUp(next!, old!);
    await pass(next!, old!);
    await rig.caughtUp(old!, next!);
    assert.is(await old!.raw.text('GET', 'after'), 'x');
    assert.is((await old!.raw.info('stats')).sync_full, '1', 'the first attachment alone');
    await takesWrites(old!);
  }));

const orders = /CLIENT\r\n\$\d+\r\n(PAUSE|UNPAUSE)|REPLICAOF/;
const preload = new URL('../rig/kill-order.mjs', import.meta.url).href;
const child = fileURLToPath(new URL('./handover-child.ts', import.meta.url));

interface Death {
  readonly env?: Readonly<Record<string, string>>;
  readonly fenceMs?: number;
}

/** The handover in a process of its own; the fence that it wrote down, if it came so far. */
async function passInChild(rig: Rig, [old, next]: readonly Server[], {env, fenceMs = 1500}: Death) {
  const file = join(rig.dir, 'fence.json');
  rmSync(file, {force: true});
  const args = ['--import', 'tsx', '--import', preload, child, old!.address, next!.address, String(fenceMs), file];
  const started = spawn(process.execPath, args, {
    env: {...cleanEnv(rig.dir), RTOPO_KILL_ORDER: orders.source, ...env},
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const {status, signal, stderr} = await watch(started, 'handover', 20_000, () => undefined).done;
  const fence: Fence | null = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null;
  return {status, signal, stderr, fence};
}

test('kill -9 before and after every order, under load: one more run finishes, nothing lost, never two masters', () =>
  withServers(2, async ([a, b], rig) => {
    await fill(a!, 500);
    const count = join(rig.dir, 'orders');
    await attach(a!, b!);
    const whole = await passInChild(rig, [a!, b!], {env: {RTOPO_COUNT_ORDERS: count}});
    assert.is(whole.status, 0, whole.stderr);
    const steps = Number(readFileSync(count, 'utf8'));
    assert.is(steps, 4, 'pause, demote, promote, unpause');
    // From now on to and fro: each of the two is the old master in turn.
    let [old, next] = [b!, a!];
    await rig.caughtUp(old, next);
    const stands = new Set<string>();
    for (let step = 1; step <= steps; step++) {
      for (const when of ['before', 'after']) {
        const what = `${when} order ${step}`;
        const ledger = startLedger([old, next]);
        const leaders = watchLeaders(old, next);
        await moreWrites(ledger, 50);
        const died = await passInChild(rig, [old, next], {env: {RTOPO_KILL_ORDER_AT: `${step}:${when}`}});
        assert.is(died.signal, 'SIGKILL', `${what}: ${died.stderr}`);
        stands.add([await follows(old), await follows(next)].map((role) => (role === 'master' ? 'M' : 'r')).join(''));
        const handed = await pass(old, next, {fence: died.fence});
        assert.ok(handed.promotedOffset >= handed.fencedOffset, what);
        await moreWrites(ledger, 50);
        const seen = await leaders.stop();
        await ledger.close();
        assert.is(seen.both, 0, what);
        assert.equal(await ledger.lostOn(next), [], what);
        assert.equal([await follows(old), await follows(next)], [next.address, 'master'], what);
        await rig.caughtUp(next, old);
        assert.equal(await ledger.lostOn(old), [], what);
        [old, next] = [next, old];
      }
    }
    assert.equal([...stands].sort(), ['Mr', 'rM', 'rr']);
    const fulls = await Promise.all([a!, b!].map(async ({raw}) => Number((await raw.info('stats')).sync_full)));
    assert.equal(fulls, [1, 0], 'full resyncs after the first attachment');
  }));

test('the new one hangs or dies: the old one leads on, and takes writes at once', () =>
  withServers(2, async ([old, next], rig) => {
    await fill(old!, 100);
    await attach(old!, next!);
    next!.pause();
    // It answers nobody from the start, or stops when it is to catch up.
    const error = await fails(pass(old!, next!), 'NEXT_UNREACHABLE');
    assert.match(error.message, `${old!.address} leads as before`);
    next!.resume();
    await takesWrites(old!);
    // Dead between the demotion and the promotion: taken back.
    await attach(old!, next!);
    await fails(pass(old!, next!, {onFenced: () => process.kill(next!.pid, 'SIGKILL')}), 'CONNECTION_LOST');
    assert.is(await follows(old!), 'master');
    await takesWrites(old!);
    await next!.restart({empty: true});
    await attach(old!, next!);
    assert.is((await pass(old!, next!)).writeGapMs === null, false);
    await rig.caughtUp(next!, old!);
    assert.is(await old!.raw.cmd('DBSIZE'), 101);
  }));

test('held up while writes are held off: they go on before the server lets them go by itself', () =>
  withServers(2, async ([old, next]) => {
    await attach(old!, next!);
    const late = pass(old!, next!, {
      fenceMs: 1000,
      onFenced: () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 850) as unknown as undefined,
    });
    await fails(late, 'HANDOVER_LATE');
    assert.equal([await follows(old!), await follows(next!)], ['master', old!.address]);
    await takesWrites(old!);
  }));

test('the old one hangs when it is told: nobody is promoted, and when it wakes up one more run finishes', () =>
  withServers(2, async ([old, next], rig) => {
    await fill(old!, 100);
    await attach(old!, next!);
    const fences: Fence[] = [];
    const onFenced = (fence: Fence) => {
      fences.push(fence);
      old!.pause();
    };
    await fails(pass(old!, next!, {onFenced}), 'OLD_UNREACHABLE');
    assert.is(await follows(next!), old!.address);
    await fails(pass(old!, next!, {fence: fences[0]!}), 'OLD_UNREACHABLE');
    assert.is(await follows(next!), old!.address);
    old!.resume();
    await rig.until('the order was obeyed', async () => (await follows(old!)) === next!.address);
    const handed = await pass(old!, next!, {fence: fences[0]!});
    assert.ok(handed.promotedOffset >= fences[0]!.offset);
    await rig.caughtUp(next!, old!);
    assert.equal([await old!.raw.cmd('DBSIZE'), await next!.raw.cmd('DBSIZE')], [100, 100]);
  }));

test('the old one dies while its writes are held off: the new one is taken off it and keeps everything', () =>
  withServers(2, async ([old, next]) => {
    await fill(old!, 100);
    await attach(old!, next!);
    await fails(pass(old!, next!, {onFenced: () => process.kill(old!.pid, 'SIGKILL')}), 'PARENT_LOST');
    await old!.restart({empty: true});
    assert.is(await follows(next!), 'master');
    assert.is(await next!.raw.cmd('DBSIZE'), 100);
    // Its history tells that it has more: it is not emptied by a second attempt either.
    await fails(attach(old!, next!), 'NOT_EMPTY');
    await fails(pass(old!, next!), 'NOT_ATTACHED');
    assert.is(await next!.raw.cmd('DBSIZE'), 100);
  }));

test('an old master that came back as a master is known by what was written down', () =>
  withServers(2, async ([old, next]) => {
    await fill(old!, 10);
    await attach(old!, next!);
    const fences: Fence[] = [];
    const handed = await pass(old!, next!, {onFenced: (fence) => fences.push(fence)});
    await old!.restart();
    assert.equal([await follows(old!), await follows(next!)], ['master', 'master']);
    const again = await pass(old!, next!, {fence: fences[0]!});
    assert.is(again.promotedOffset, handed.promotedOffset);
    await old!.kill();
    assert.is((await pass(old!, next!, {fence: fences[0]!})).promotedOffset, handed.promotedOffset);
    await fails(pass(old!, next!), 'NOT_ATTACHED');
  }));

test('a master that is writable as a replica is made to refuse writes', () =>
  withServers([{args: ['--replica-read-only', 'no']}, {}], async ([old, next]) => {
    await attach(old!, next!);
    await pass(old!, next!);
    await old!.raw.cmd('SET', 'k', 'v').then(
      () => assert.unreachable('it took a write'),
      (error: Error) => assert.match(error.message, 'READONLY'),
    );
  }));

test.run();
