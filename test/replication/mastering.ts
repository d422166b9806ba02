/** The case that the tests of changed masters share: one shard under load, and what must be true of it at every moment and afterwards. */
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import * as assert from 'uvu/assert';
import {RtopoError} from '../../src/errors.js';
import {type Changed, type SwitchOptions, Switchover} from '../../src/replication/switchover.js';
import type {SwitchoverReport} from '../../src/report/switchover.js';
import {parseTopology} from '../../src/topology/parse.js';
import {addressText, instancesOf} from '../../src/topology/types.js';
import type {CliOptions, CliResult} from '../rig/cli.js';
import {type Ledger, moreWrites, startLedger, watchLeaders} from '../rig/ledger.js';
import type {Rig, Server, ServerSpec} from '../rig/servers.js';
import {assertExit, declare, envelope, fill, follows, type Live, live, shardYaml} from './live.js';

export const persistent: ServerSpec = {config: 'save 3600 1'};

export interface Cluster {
  readonly rig: Rig;
  readonly rtopo: Live;
  readonly servers: readonly Server[];
  readonly file: string;
}

/** The first server is the master, the others follow it; the topology file says so. */
export async function oneShard(rig: Rig, servers: readonly Server[], head = '', keys = 20): Promise<Cluster> {
  const [master, ...replicas] = servers as readonly [Server, ...Server[]];
  await fill(master, keys);
  for (const replica of replicas) await rig.replicate(replica, master);
  await rig.caughtUp(master, ...replicas);
  for (const server of servers) await server.raw.cmd('CONFIG', 'REWRITE').catch(() => undefined);
  const file = declare(rig, shardYaml('alpha', servers), head);
  return {rig, rtopo: live(rig), servers, file};
}

/** The envelope of a run that ended so. */
export async function runs({rtopo}: Cluster, args: readonly string[], status: number, options: CliOptions = {}) {
  const run = await rtopo([...args, '--json'], options);
  assertExit(run, status);
  return envelope(run);
}

export function topologyText({rig}: Cluster): string {
  return readFileSync(join(rig.dir, 'rtopo.yml'), 'utf8');
}

function shardIn(cluster: Cluster) {
  return parseTopology(topologyText(cluster), 'rtopo.yml').topology.shards[0]!;
}

export const masterIn = (cluster: Cluster): string => addressText(shardIn(cluster).master.address);

const declaredIn = (cluster: Cluster): string[] =>
  instancesOf(shardIn(cluster))
    .map(({address}) => addressText(address))
    .sort();

/** Runs `change` while clients write to the two, who go where they are taken; nothing of theirs may be lost, and no two may lead. */
export async function underWriters(
  old: Server,
  next: Server,
  change: (ledger: Ledger) => Promise<void>,
  writers = 3,
): Promise<void> {
  const ledger = startLedger([old, next], writers);
  const leaders = watchLeaders(old, next);
  await moreWrites(ledger, 30);
  await change(ledger);
  await moreWrites(ledger, 30);
  const seen = await leaders.stop();
  await ledger.close();
  assert.equal(await ledger.lostOn(next), [], 'acknowledged writes that the new master does not have');
  assert.is(seen.both, 0, 'two masters');
}

/** Who follows whom, the file, the lock, a write that is taken. */
export async function assertLeads(cluster: Cluster, next: Server, others: readonly Server[]): Promise<void> {
  assert.is(await follows(next), 'master');
  for (const other of others) assert.is(await follows(other), next.address);
  assert.equal(declaredIn(cluster), cluster.servers.map(({address}) => address).sort());
  assert.is(masterIn(cluster), next.address);
  assert.is(await next.raw.cmd('EXISTS', '__rtopo:lock'), 0, 'a lock is left');
  const probe = await next.connect({timeoutMs: 1500});
  assert.is(String(await probe.cmd('SET', 'probe', 'x')), 'OK');
  await cluster.rig.caughtUp(next, ...others);
}

export function assertProved({proof, left, fullResyncs}: SwitchoverReport, what = ''): void {
  assert.ok(proof !== null, what);
  assert.ok(proof.promotedOffset >= proof.fencedOffset!, `${what}: ${JSON.stringify(proof)}`);
  assert.is(proof.bytesLost, 0, what);
  assert.equal(left, [], what);
  assert.is(fullResyncs, 0, `${what}: full resyncs`);
}

export const said = ({status, signal, stdout, stderr}: CliResult): string => `${signal ?? status}: ${stdout}${stderr}`;

/** The state folder of a test that runs in this process. */
const stateOf = ({rig}: Cluster): string => join(rig.dir, 'state');

export const whereOf = (cluster: Cluster) => ({stateDir: stateOf(cluster), file: cluster.file, again: ''});

export const hooks = {say: () => undefined, interrupted: () => false};

/** Plans in this process: a command line costs half a second. */
export async function planHere(cluster: Cluster, over: Partial<SwitchOptions> = {}): Promise<Switchover> {
  const {topology, text} = parseTopology(topologyText(cluster), cluster.file);
  const shard = topology.shards[0]!;
  return Switchover.plan({
    ...{topology, text, shard, where: whereOf(cluster), timeoutMs: 1500, to: null, engine: 'auto'},
    ...{killClients: false, fenceMs: 3000, ...over},
  });
}

/** Plans and carries out. */
export async function changeHere(cluster: Cluster, over: Partial<SwitchOptions> = {}): Promise<Changed> {
  const change = await planHere(cluster, over);
  assert.ok(change.mayRun, JSON.stringify(change.report.refused));
  return plainly(change.run(hooks));
}

/** uvu prints nothing of an error that carries details. */
export async function plainly<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof RtopoError ? new Error(`${error.code}: ${error.message} (${error.remedy})`) : error;
  }
}

export const codes = ({report}: {readonly report: SwitchoverReport}): string[] => report.refused.map(({code}) => code);

/** The failure that it ends with. */
export async function fails(work: Promise<unknown>, code: string): Promise<RtopoError> {
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
export async function takesWrites(server: Server): Promise<void> {
  const raw = await server.connect({timeoutMs: 1000});
  assert.is(String(await raw.cmd('SET', 'probe', '1')), 'OK');
}
