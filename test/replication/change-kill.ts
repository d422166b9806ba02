/**
 * kill -9 of a change of master at one point of it, while clients write: at a record of the journal, at an order to a server, at a step of
 * rewriting the topology file. Then the servers are looked at, one command finishes it (or undoes it), and they are looked at again.
 */
import {mkdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import * as assert from 'uvu/assert';
import {RtopoError} from '../../src/errors.js';
import {abortChange, type RecoverOptions, resumeChange} from '../../src/replication/switchover-recover.js';
import type {SwitchoverReport} from '../../src/report/switchover.js';
import {makeDir, removeDir} from '../rig/processes.js';
import {type Rig, type Server, withServers} from '../rig/servers.js';
import {follows} from './live.js';
import {
  assertLeads,
  assertProved,
  type Cluster,
  masterIn,
  oneShard,
  persistent,
  said,
  underWriters,
} from './mastering.js';

export type Course = 'failover' | 'pause' | 'dead';
export type Spot = 'record' | 'order' | 'file';

export interface Strike {
  readonly course: Course;
  readonly spot: Spot;
  /** From 1. */
  readonly n: number;
  readonly when: 'before' | 'after';
  /** What is done afterwards. */
  readonly verb: 'resume' | 'abort';
}

export const strikeText = ({course, spot, n, when, verb}: Strike): string => [course, spot, n, when, verb].join(':');

export function parseStrike(text: string): Strike {
  const [course, spot, n, when, verb] = text.split(':') as [Course, Spot, string, Strike['when'], Strike['verb']];
  return {course, spot, n: Number(n), when, verb};
}

/** Orders that change something, at the beginning of a command: what is merely asked about (ACL DRYRUN) is none. */
const orders =
  /\*\d+\r\n\$\d+\r\n(CLIENT\r\n\$\d+\r\n(PAUSE|UNPAUSE|KILL)|REPLICAOF|FAILOVER|EVAL\r|CONFIG\r\n\$\d+\r\n(SET|REWRITE))/;
const journal = /\.jsonl$/;
const preloads = ['../rig/kill-at.mjs', '../rig/kill-order.mjs', '../migration/kill-topology.mjs']
  .map((name) => `--import ${new URL(name, import.meta.url).href}`)
  .join(' ');

const base = {NODE_OPTIONS: preloads, RTOPO_KILL_PATH: journal.source, RTOPO_KILL_ORDER: orders.source};

export function strikeEnv({spot, n, when}: Strike): Record<string, string> {
  switch (spot) {
    case 'record':
      return {...base, RTOPO_KILL_AT: `fsync:${n}:${when}`};
    case 'order':
      return {...base, RTOPO_KILL_ORDER_AT: `${n}:${when}`};
    case 'file':
      return {...base, RTOPO_KILL_TOPOLOGY: `${n}:${when}`};
  }
}

export function argsOf(course: Course, next: Server): string[] {
  const args = ['alpha', '--to', next.address, '--yes', '--json', '--timeout', '2s'];
  return course === 'dead' ? ['failover', ...args] : ['switchover', ...args, '--engine', course, '--kill-clients'];
}

/** How many points a run has at which it can be killed, by kind. */
export function countSpots(course: Course): Promise<Readonly<Record<Spot, number>>> {
  return withShard(async (cluster, [old, next]) => {
    if (course === 'dead') await old.kill();
    const file = (name: string) => join(cluster.rig.dir, name);
    const env = {
      ...{...base, RTOPO_KILL_COUNT: file('records'), RTOPO_COUNT_ORDERS: file('orders')},
      RTOPO_COUNT_TOPOLOGY: file('steps'),
    };
    const run = await cluster.rtopo(argsOf(course, next), {env});
    assert.is(run.status, 0, said(run));
    const read = (name: string) => readFileSync(file(name), 'utf8');
    return {record: JSON.parse(read('records')).fsync, order: Number(read('orders')), file: Number(read('steps'))};
  });
}

type Three = readonly [Server, Server, Server];

function withShard<T>(body: (cluster: Cluster, servers: Three) => Promise<T>): Promise<T> {
  return withServers(
    [persistent, persistent, persistent],
    async (servers, rig: Rig) => body(await oneShard(rig, servers), servers as unknown as Three),
    {timeoutMs: 60_000},
  );
}

export function recovery({file}: Cluster, home: string): RecoverOptions {
  return {
    where: {stateDir: join(home, 'state', 'rtopo'), file, again: ''},
    ...{id: undefined, timeoutMs: 2000, say: () => undefined, interrupted: () => false},
  };
}

/** Null when it had not begun: there is nothing to go on with. */
async function unlessNone(work: Promise<{readonly report: SwitchoverReport}>): Promise<SwitchoverReport | null> {
  try {
    return (await work).report;
  } catch (error) {
    if (error instanceof RtopoError && error.code === 'NO_OPERATION') return null;
    throw new Error(error instanceof RtopoError ? `${error.code}: ${error.message} (${error.remedy})` : String(error));
  }
}

/** What was met when it was dead, or null when the run was over before. */
export function strikeOnce(strike: Strike): Promise<string | null> {
  return withShard((cluster, servers) =>
    strike.course === 'dead' ? strikeDead(cluster, servers, strike) : strikeAlive(cluster, servers, strike),
  );
}

async function strikeAlive(cluster: Cluster, [old, next, third]: Three, strike: Strike): Promise<string | null> {
  const home = makeDir('rtopo-home-');
  let met: string | null = null;
  let isUndone = false;
  try {
    await underWriters(old, next, async () => {
      const run = await cluster.rtopo(argsOf(strike.course, next), {home, env: strikeEnv(strike)});
      if (run.signal !== 'SIGKILL') return assert.is(run.status, 0, said(run));
      met = await standNow([old, next, third]);
      for (const server of [old, next, third]) assert.ok(Number(await server.raw.cmd('DBSIZE')) >= 20, 'wiped');
      isUndone = await finish(cluster, home, {strike, next});
    });
    if (isUndone) {
      assert.is(await follows(old), 'master');
      await assertLeads(cluster, old, [next, third]);
    } else await assertLeads(cluster, next, [old, third]);
    return met;
  } finally {
    removeDir(home);
  }
}

interface Finishing {
  readonly strike: Strike;
  readonly next: Server;
}

/** True when it was undone, so that the old one leads. */
async function finish(cluster: Cluster, home: string, {strike, next}: Finishing): Promise<boolean> {
  const options = recovery(cluster, home);
  if (strike.verb === 'abort') {
    try {
      return (await abortChange(options)).report.phase === 'aborted';
    } catch (error) {
      const {code, message} = error as RtopoError;
      if (code === 'NO_OPERATION') return true;
      assert.is(code, 'ALREADY_HANDED_OVER', message);
    }
  }
  const report = await unlessNone(resumeChange(options));
  if (report === null) {
    // It died before anything was written down: the same command again is its resume.
    const run = await cluster.rtopo(argsOf(strike.course, next), {home});
    assert.is(run.status, 0, said(run));
    return false;
  }
  assertProved(report, strikeText(strike));
  assert.is(report.phase, 'done');
  // Once more is no change.
  assert.is((await resumeChange(options)).report.phase, 'done');
  return false;
}

/** The master is gone for good; nobody writes to it. */
async function strikeDead(cluster: Cluster, [old, next, third]: Three, strike: Strike): Promise<string | null> {
  const home = makeDir('rtopo-home-');
  mkdirSync(home, {recursive: true});
  try {
    await old.kill();
    const run = await cluster.rtopo(argsOf('dead', next), {home, env: strikeEnv(strike)});
    if (run.signal !== 'SIGKILL') {
      assert.is(run.status, 0, said(run));
      return null;
    }
    const met = await standNow([next, third]);
    for (const server of [next, third]) assert.ok(Number(await server.raw.cmd('DBSIZE')) >= 20, 'wiped');
    const report = await unlessNone(resumeChange(recovery(cluster, home)));
    if (report === null) {
      const again = await cluster.rtopo(argsOf('dead', next), {home});
      assert.is(again.status, 0, said(again));
    } else assert.equal([report.phase, report.left, report.proof?.bytesLost], ['done', [], null]);
    await assertLeads({...cluster}, next, [third]);
    assert.is(masterIn(cluster), next.address);
    return met;
  } finally {
    removeDir(home);
  }
}

async function standNow(servers: readonly Server[]): Promise<string> {
  const roles = await Promise.all(servers.map((server) => follows(server).catch(() => 'gone')));
  return roles.map((role) => (role === 'master' ? 'M' : role === 'gone' ? '-' : 'r')).join('');
}
