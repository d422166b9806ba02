/** Priorities and the replicas that writes need: what the file declares comes onto the servers, last of all, and stays there. */
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {Replication} from '../../src/replication/replication.js';
import {parseTopology} from '../../src/topology/parse.js';
import {type Server, withServers} from '../rig/servers.js';
import {forgetOrders, orders} from './live.js';

const test = suite('replication/settings');

function plan(yaml: string): Promise<Replication> {
  const {topology} = parseTopology(`version: 1\nname: cache\nshards:\n${yaml}`, 'rtopo.yml');
  return Replication.plan({topology, discard: [], commandTimeoutMs: 2000, linkTimeoutMs: 10_000});
}

const yaml = (m: Server, r: Server, more = 'minReplicas: {toWrite: 1, maxLagSeconds: 7}', priority = 5): string =>
  `  - {name: alpha, master: "${m.address}", replicas: [{address: "${r.address}", priority: ${priority}}], ${more}}\n`;

async function setting(server: Server, name: string): Promise<string> {
  return String(((await server.raw.cmd('CONFIG', 'GET', name)) as Buffer[])[1]);
}

test('after the links, written down, and once only; a drift is found and mended', () =>
  withServers([{config: ''}, {config: ''}], async ([m, r]) => {
    const made = await plan(yaml(m!, r!));
    assert.equal(
      made.report.steps.map(({action}) => action),
      ['replicate-from', 'set-config', 'set-config'],
    );
    const {report, verdict} = await made.apply(() => undefined);
    assert.is(verdict.exit, 0, JSON.stringify(report.steps));
    assert.equal(report.steps[1]!.settings, [
      {name: 'min-replicas-to-write', from: '0', to: '1'},
      {name: 'min-replicas-max-lag', from: '10', to: '7'},
    ]);
    assert.equal([await setting(m!, 'min-replicas-to-write'), await setting(r!, 'replica-priority')], ['1', '5']);
    assert.match(readFileSync(join(m!.dir, 'redis.conf'), 'utf8'), /^min-replicas-max-lag 7$/m);
    assert.match(readFileSync(join(r!.dir, 'redis.conf'), 'utf8'), /^replica-priority 5$/m);
    await forgetOrders(m!, r!);
    const again = await plan(yaml(m!, r!));
    assert.equal([again.hasWork, again.report.unchanged, again.verdict.exit], [false, 2, 0]);
    await r!.raw.cmd('CONFIG', 'SET', 'replica-priority', '100');
    const drifted = await plan(yaml(m!, r!));
    assert.equal([drifted.verdict.exit, drifted.report.unchanged], [2, 1]);
    assert.equal(await orders(m!), []);
    await drifted.apply(() => undefined);
    assert.is(await setting(r!, 'replica-priority'), '5');
  }));

test('what would stop the writers at once is left as it is: a replica short, or a fence that was raised meanwhile', () =>
  withServers(2, async ([m, r], rig) => {
    await rig.replicate(r!, m!);
    await r!.kill();
    const short = await (await plan(yaml(m!, r!))).apply(() => undefined);
    const {code, outcome, message} = short.report.steps[0]!;
    assert.equal([outcome, code, short.verdict.exit], ['failed', 'MIN_REPLICAS_UNMET', 4]);
    assert.match(message!, 'has 0 of the 1 replicas');
    assert.is(await setting(m!, 'min-replicas-to-write'), '0');
    assert.is(await m!.raw.text('SET', 'still', 'writable'), 'OK');
    const made = await plan(yaml(m!, r!, 'minReplicas: {toWrite: 0, maxLagSeconds: 7}'));
    await m!.raw.cmd('CONFIG', 'SET', 'min-replicas-max-lag', '33');
    const stale = await made.apply(() => undefined);
    assert.equal([stale.report.steps[0]!.code, await setting(m!, 'min-replicas-max-lag')], ['PLAN_STALE', '33']);
    await m!.raw.cmd('CONFIG', 'SET', 'min-replicas-to-write', '1000000');
    const fenced = await plan(yaml(m!, r!, 'minReplicas: {toWrite: 0}'));
    assert.equal(
      fenced.report.refused.map(({code: why}) => why),
      ['WRITES_FENCED'],
    );
  }));

test.run();
