/** `rtopo switchover` on real servers, while clients write. */
import {readFileSync} from 'node:fs';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {withServers} from '../rig/servers.js';
import {assertExit, follows, forgetOrders, orders} from './live.js';
import {assertLeads, assertProved, masterIn, oneShard, persistent, runs, underWriters} from './mastering.js';

const test = suite('replication/switchover');

for (const engine of ['failover', 'pause'] as const) {
  test(`engine ${engine}, under load, to and fro: nothing lost, siblings follow by partial resyncs, roles and file changed`, () =>
    withServers([persistent, persistent, persistent], async (servers, rig) => {
      const cluster = await oneShard(rig, servers);
      const [a, b, c] = servers;
      for (const [old, next] of [
        [a!, b!],
        [b!, a!],
      ] as const) {
        await underWriters(old, next, async () => {
          const {result} = await runs(
            cluster,
            ['switchover', 'alpha', '--to', next.address, '--engine', engine, '--yes'],
            0,
          );
          assertProved(result);
          assert.equal(
            [result.engine, result.from, result.to, result.phase, result.persisted],
            [engine, old.address, next.address, 'done', true],
          );
          assert.equal(result.repointed, [old.address, c!.address].sort());
          assert.ok(result.writeGapMs > 0 && result.writeGapMs < 3000, `${result.writeGapMs} ms`);
        });
        await assertLeads(cluster, next, [old, c!]);
        assert.match(readFileSync(`${old.dir}/redis.conf`, 'utf8'), new RegExp(`replicaof 127.0.0.1 ${next.port}`));
      }
      assertExit(await cluster.rtopo(['status']), 0);
    }));
}

test('--dry-run lists the steps, sends no order, and the best candidate is named', () =>
  withServers(3, async (servers, rig) => {
    const cluster = await oneShard(rig, servers);
    const [a, b, c] = servers;
    await c!.raw.cmd('CONFIG', 'SET', 'replica-priority', '10');
    await forgetOrders(...servers);
    const {result, warnings} = await runs(cluster, ['switchover', 'alpha', '--dry-run'], 2);
    for (const server of servers) assert.equal(await orders(server), []);
    assert.equal([result.to, result.engine, result.phase], [c!.address, 'failover', 'planned']);
    assert.match(warnings.join(), 'without a config file');
    const text = await cluster.rtopo(['switchover', 'alpha', '--dry-run']);
    assertExit(text, 2);
    assert.match(text.stdout, `FAILOVER TO 127.0.0.1 ${c!.port}`);
    assert.match(text.stdout, `${b!.address}`);
    assert.is(await follows(a!), 'master');
    // Without a terminal nobody is asked.
    const {error} = await runs(cluster, ['switchover', 'alpha'], 3);
    assert.is(error.code, 'CONSENT_NEEDED');
    assert.is(masterIn(cluster), a!.address);
  }));

test.run();
