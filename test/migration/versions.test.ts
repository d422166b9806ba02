/** A whole move of keys between servers of different versions: payloads where they can be read, elements where not. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {fill} from '../rig/data.js';
import {kinds} from '../rig/kinds.js';
import {type Server, type ServerSpec, withServers} from '../rig/servers.js';
import {moreServers, needingValkey, valkey} from '../rig/valkey.js';
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

const test = suite('migration/versions');
const withValkey = needingValkey(test);

const old: ServerSpec = durable;
const pairs: [string, readonly [ServerSpec, ServerSpec], typeof withValkey][] = [
  ['redis to valkey', [old, {...valkey, ...durable}], withValkey],
  ['valkey to redis', [{...valkey, ...durable}, old], withValkey],
];
for (const other of moreServers) {
  pairs.push([`redis to ${other.name}`, [old, {...other, ...durable}], test]);
  pairs.push([`${other.name} to redis`, [{...other, ...durable}, old], test]);
}

for (const [name, specs, register] of pairs) {
  register(`moved, ${name}`, async () => {
    await withServers(specs, async (servers, rig) => {
      const [a, b] = servers as [Server, Server];
      const written = await fill(a, {seed: 31, keys: 250, dbs: [0, 2], ttlShare: 0.3});
      assert.is(new Set(written.map(({kind}) => kind)).size, kinds.length);
      const home = field(rig, topologyText('{scheme: modulo}', [{name: 'a', address: a.address}]));
      const before = await everything(servers);
      const report = await rebalanceHere(home, {add: [`b=${b.address}`]});
      assert.is(report.phase, 'done');
      assert.is(report.keys.deleted, report.keys.moving);
      assert.ok(report.keys.moving > 60, String(report.keys.moving));
      assertSame(before, await everything(servers), name);
      await assertPlaced(home.text(), servers, name);
    });
  });

  register(`stopped and undone, stopped and resumed, ${name}`, async () => {
    await withServers(specs, async (servers, rig) => {
      const [a, b] = servers as [Server, Server];
      await fill(a, {seed: 32, keys: 120, ttlShare: 0.3});
      const home = field(rig, topologyText('{scheme: modulo}', [{name: 'a', address: a.address}]));
      const before = await everything(servers);
      const request = {add: [`b=${b.address}`]};
      const stopped = await rebalanceHere(home, request, {stopAfter: 'copied'});
      const {report, kept} = await abortHere(home);
      assert.equal([report.phase, report.keys.deleted, kept], ['aborted', stopped.keys.moving, 0]);
      assertSame(before, await everything(servers), `${name}: undone`);
      await rebalanceHere(home, request, {stopAfter: 'verified'});
      assert.is((await resumeHere(home)).phase, 'done');
      assertSame(before, await everything(servers), `${name}: resumed`);
      await assertPlaced(home.text(), servers, name);
    });
  });
}

test.run();
