/** Values that no payload can carry: too big for one, or of a version that the target does not read. Copied, pruned, undone, resumed. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {fill} from '../rig/data.js';
import {type Server, withServers} from '../rig/servers.js';
import {
  abortHere,
  assertPlaced,
  assertSame,
  durable,
  everything,
  field,
  rebalanceHere,
  resumeHere,
  topologyText,
} from './field.js';

const test = suite('migration/values');

/** Every value is big: all of them go element by element. */
const tiny = {bigKeyBytes: 1} as const;

async function withPair(body: Parameters<typeof withServers<void>>[1]): Promise<void> {
  await withServers([durable, durable], body);
}

test('every kind of value moves element by element, and is deleted by comparison', async () => {
  await withPair(async (servers, rig) => {
    const [a, b] = servers as [Server, Server];
    await fill(a, {seed: 5, keys: 120, dbs: [0, 3], ttlShare: 0.3});
    const home = field(rig, topologyText('{scheme: modulo}', [{name: 'a', address: a.address}]));
    const before = await everything(servers);
    const report = await rebalanceHere(home, {add: [`b=${b.address}`], settings: tiny});
    assert.is(report.phase, 'done');
    assert.is(report.keys.deleted, report.keys.moving);
    assert.ok(report.keys.moving > 20, String(report.keys.moving));
    assertSame(before, await everything(servers), 'by elements');
    await assertPlaced(home.text(), servers, 'by elements');
  });
});

test('stopped and undone, and stopped and resumed', async () => {
  await withPair(async (servers, rig) => {
    const [a, b] = servers as [Server, Server];
    await fill(a, {seed: 6, keys: 60});
    const home = field(rig, topologyText('{scheme: modulo}', [{name: 'a', address: a.address}]));
    const before = await everything(servers);
    const request = {add: [`b=${b.address}`], settings: tiny};
    const stopped = await rebalanceHere(home, request, {stopAfter: 'verified'});
    assert.is(await b.raw.cmd('DBSIZE'), stopped.keys.moving);
    const {report, kept} = await abortHere(home);
    assert.equal([report.phase, report.keys.deleted, kept], ['aborted', stopped.keys.moving, 0]);
    assert.is(await b.raw.cmd('DBSIZE'), 0);
    assertSame(before, await everything(servers), 'undone');
    await rebalanceHere(home, request, {stopAfter: 'copied'});
    assert.is((await resumeHere(home)).phase, 'done');
    assertSame(before, await everything(servers), 'resumed');
    await assertPlaced(home.text(), servers, 'resumed');
  });
});

test.run();
