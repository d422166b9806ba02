/** A change of master over TLS, under a login that may do nothing more than that needs. */
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {assertNoSecret, declare, fill, follows, live} from './live.js';
import {type Cluster, codes, planHere, runs} from './mastering.js';
import {withTls} from './tls-servers.js';

const test = suite('replication/switchover-tls');

const secret = 'tls-and-acl-passw0rd';
/** What `rtopo switchover` needs, and what a replica needs of its master. */
const rights = [
  ...['+info', '+role', '+auth', '+client|setname', '+client|pause', '+client|unpause', '+client|kill', '+client|list'],
  ...['+replicaof', '+failover', '+config|get', '+config|set', '+config|rewrite', '+acl|whoami', '+acl|dryrun'],
  ...['+command|info', '+pubsub|numsub', '+eval', '+get', '+set', '+pexpire', '+del', '~__rtopo:lock'],
  ...['+psync', '+replconf', '+ping'],
];

test('both engines over TLS, by a login with the least rights, whose ACL LOG stays empty; a right that is missing is named', () =>
  withTls(async ({dir, at}, servers, rig) => {
    const [m, r] = servers;
    await fill(m!, 5);
    const head = `auth: {username: ops, passwordEnv: OPS_TLS}\ntls: {ca: ${join(dir, 'ca.pem')}, serverName: redis.test}\n`;
    const file = declare(rig, `  - {name: alpha, master: "${at(0)}", replicas: ["${at(1)}"]}\n`, head);
    for (const server of servers) await server.raw.cmd('ACL', 'SETUSER', 'ops', 'on', `>${secret}`, ...rights);
    const cluster: Cluster = {rig, rtopo: live(rig), servers, file};
    const env = {OPS_TLS: secret};
    await runs(cluster, ['replicate', '--yes'], 0, {env});
    for (const server of servers) await server.raw.cmd('ACL', 'LOG', 'RESET');
    for (const [i, engine] of (['failover', 'pause'] as const).entries()) {
      const run = await cluster.rtopo(['switchover', 'alpha', '--engine', engine, '--yes', '--json'], {env});
      assert.is(run.status, 0, run.stdout);
      const {result} = JSON.parse(run.stdout);
      assert.equal([result.engine, result.to, result.proof.bytesLost, result.left], [engine, at(1 - i), 0, []]);
      assertNoSecret(run, secret);
    }
    assert.equal([await follows(m!), await follows(r!)], ['master', at(0)]);
    for (const server of servers) assert.equal(await server.raw.cmd('ACL', 'LOG'), [], 'a refused command');
    await m!.raw.cmd('ACL', 'SETUSER', 'ops', '-client|pause', '-failover');
    process.env.OPS_TLS = secret;
    const plan = await planHere(cluster);
    assert.equal(codes(plan), ['NO_PERMISSION']);
    assert.match(plan.report.refused[0]!.message, 'CLIENT PAUSE');
    assert.match(plan.report.engineReason!, 'may not use FAILOVER');
  }));

test.run();
