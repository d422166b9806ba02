/**
 * kill -9 while a master is replaced and clients write: at every record of the journal, at every order to a server, and at every step
 * of rewriting the topology file. One resume later the new master leads, and nothing that was acknowledged is lost.
 */
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import type {RtopoError} from '../../src/errors.js';
import type {RebalanceReport} from '../../src/report/rebalance.js';
import {countEnv, killEnv} from '../rig/cli.js';
import {fill} from '../rig/data.js';
import {type Rig, type Server, withServers} from '../rig/servers.js';
import {assertStatus, type Field, field, rebalanceHere, resumeHere, said} from './field.js';
import {afterFile, assertProved, textOf, underLoad} from './replacing.js';

const test = suite('migration/replace-kill');

const journal = /\.jsonl$/;
const orders = /CLIENT\r\n\$\d+\r\n(PAUSE|UNPAUSE)|REPLICAOF|REWRITE/;
const preload = (name: string) => `--import ${new URL(name, import.meta.url).href}`;

interface Lane {
  readonly rig: Rig;
  /** The two change places with every case. */
  old: Server;
  next: Server;
}

interface Case {
  readonly home: Field;
  readonly to: string;
  readonly after: string;
  readonly args: readonly string[];
}

/** The shard on the old server alone; the new one is empty and belongs to nobody. */
async function prepare({rig, old, next}: Lane): Promise<Case> {
  await next.raw.cmd('REPLICAOF', 'NO', 'ONE');
  await next.raw.cmd('FLUSHALL');
  const home = field(rig, textOf([['b', old]]));
  const after = textOf([['b', next]]);
  const to = afterFile(home, after);
  return {home, to, after, args: ['rebalance', '--to', to, '--yes', '--json']};
}

async function roles(...servers: readonly Server[]): Promise<string> {
  const found = await Promise.all(servers.map(async ({raw}) => String(((await raw.cmd('ROLE')) as unknown[])[0])));
  return found.map((role) => (role === 'master' ? 'M' : 'r')).join('');
}

/** Dies as `env` says; then one resume, or a new attempt when nothing had begun. */
async function dieAndResume(lane: Lane, env: Readonly<Record<string, string>>, what: string): Promise<string> {
  const {old, next} = lane;
  const one = await prepare(lane);
  let stand = '';
  await underLoad(old, next, async () => {
    const run = await one.home.run(one.args, {env});
    assert.is(run.signal, 'SIGKILL', `${what}: ${said(run)}`);
    stand = await roles(old, next);
    assertProved(await resumed(one), what);
  });
  assert.is(one.home.text(), one.after, what);
  assert.is(await roles(old, next), 'rM', what);
  await lane.rig.caughtUp(next, old);
  assert.equal(
    [await next.raw.cmd('EXISTS', '__rtopo:lock'), await old.raw.cmd('EXISTS', '__rtopo:lock')],
    [0, 0],
    what,
  );
  [lane.old, lane.next] = [next, old];
  return stand;
}

async function resumed({home, to}: Case): Promise<RebalanceReport> {
  try {
    return await resumeHere(home);
  } catch (error) {
    assert.is((error as RtopoError).code, 'NO_OPERATION', (error as Error).message);
    return rebalanceHere(home, {to});
  }
}

async function withLane(body: (lane: Lane) => Promise<void>): Promise<void> {
  const spec = {config: 'appendonly yes\nappendfsync everysec\nsave 3600 1'};
  await withServers(
    [spec, spec],
    async ([old, next], rig) => {
      await fill(old!, {seed: 9, keys: 60, ttlShare: 0});
      await body({rig, old: old!, next: next!});
    },
    {timeoutMs: 240_000},
  );
}

test('killed before and after every record of the journal', () =>
  withLane(async (lane) => {
    const file = join(lane.rig.dir, 'records.json');
    const whole = await prepare(lane);
    assertStatus(await whole.home.run(whole.args, {env: countEnv(journal, file)}), 0);
    [lane.old, lane.next] = [lane.next, lane.old];
    const records = JSON.parse(readFileSync(file, 'utf8')).fsync;
    assert.is(records, 7, 'begin, phase, attach, fence, promote, settle, end');
    for (let n = 1; n <= records; n++) {
      for (const when of ['before', 'after'] as const) {
        // The last record ends the operation: dead after it, all is done.
        if (n === records && when === 'after') continue;
        await dieAndResume(lane, killEnv({path: journal, op: 'fsync', n, when}), `record ${n} ${when}`);
      }
    }
  }));

test('killed before and after every order to a server', () =>
  withLane(async (lane) => {
    const count = join(lane.rig.dir, 'orders');
    const env = {NODE_OPTIONS: preload('../rig/kill-order.mjs'), RTOPO_KILL_ORDER: orders.source};
    const whole = await prepare(lane);
    assertStatus(await whole.home.run(whole.args, {env: {...env, RTOPO_COUNT_ORDERS: count}}), 0);
    [lane.old, lane.next] = [lane.next, lane.old];
    const steps = Number(readFileSync(count, 'utf8'));
    assert.is(steps, 9, 'attach, pause, demote, promote, unpause, and two times persist both');
    const stands = new Set<string>();
    for (let n = 1; n <= steps; n++) {
      for (const when of ['before', 'after']) {
        stands.add(await dieAndResume(lane, {...env, RTOPO_KILL_ORDER_AT: `${n}:${when}`}, `order ${n} ${when}`));
      }
    }
    assert.equal(
      [...stands].sort(),
      ['MM', 'Mr', 'rM', 'rr'],
      'every stand was met: not attached, attached, demoted, promoted',
    );
  }));

test('killed before and after every step of rewriting the topology file', () =>
  withLane(async (lane) => {
    const count = join(lane.rig.dir, 'steps');
    const env = {NODE_OPTIONS: preload('./kill-topology.mjs')};
    const whole = await prepare(lane);
    assertStatus(await whole.home.run(whole.args, {env: {...env, RTOPO_COUNT_TOPOLOGY: count}}), 0);
    [lane.old, lane.next] = [lane.next, lane.old];
    const steps = Number(readFileSync(count, 'utf8'));
    assert.ok(steps >= 4);
    for (let n = 1; n <= steps; n++) {
      for (const when of ['before', 'after']) {
        await dieAndResume(lane, {...env, RTOPO_KILL_TOPOLOGY: `${n}:${when}`}, `step ${n} ${when}`);
      }
    }
  }));

test.run();
