/** Values carried element by element, between servers of one version and of different ones. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {diffSnapshots, scan, snapshot} from '../rig/checker.js';
import {fill} from '../rig/data.js';
import {kinds} from '../rig/kinds.js';
import type {Arg} from '../rig/raw.js';
import type {ServerSpec} from '../rig/servers.js';
import {needingValkey, valkey} from '../rig/valkey.js';
import {changesOf, type Pair, withPair} from './pair.js';

const test = suite('migration/elements');
const withValkey = needingValkey(test);

const here: ServerSpec = {};
const pairs: [string, [ServerSpec, ServerSpec], typeof withValkey][] = [
  ['redis to redis', [here, here], test],
  ['redis to valkey', [here, valkey], withValkey],
  ['valkey to redis', [valkey, here], withValkey],
];
/** More programs, for a matrix of versions: `RTOPO_TEST_MORE_SERVERS=/path/to/server,…`. */
for (const program of (process.env.RTOPO_TEST_MORE_SERVERS ?? '').split(',').filter((name) => name !== '')) {
  const other = {program, name: program};
  pairs.push([`redis to ${program}`, [here, other], test], [`${program} to redis`, [other, here], test]);
  pairs.push(
    [`valkey to ${program}`, [valkey, other], withValkey],
    [`${program} to valkey`, [other, valkey], withValkey],
  );
}

async function run({from}: Pair, ...commands: (readonly Arg[])[]): Promise<void> {
  for (const command of commands) await from.raw.cmd(...command);
}

for (const [name, specs, register] of pairs) {
  register(`every type, encoding, name and expiry, ${name}`, async () => {
    await withPair(specs, async (pair) => {
      const {from, to, carry} = pair;
      const written = await fill(from, {seed: 5, keys: 100, ttlShare: 0.4});
      assert.is(new Set(written.map(({kind}) => kind)).size, kinds.length);
      const before = await snapshot(from);
      const changes = await changesOf(to);
      let writes = 0;
      for (const {key, expireAtMs, kind} of written) {
        const carried = await carry(key, {chunkBytes: 2000});
        assert.is(carried.outcome, 'created', `${kind} ${key.toString('latin1')}: ${carried.notes}`);
        assert.is(carried.expireAtMs, expireAtMs ?? -1);
        writes += carried.writes;
      }
      assert.is((await changesOf(to)) - changes, writes, 'changes as the server counts them');
      assert.equal(diffSnapshots(before, await snapshot(to)), []);
      assert.equal(diffSnapshots(before, await snapshot(from)), []);
      assert.is(((await to.raw.cmd('KEYS', '__rtopo:*')) as unknown[]).length, 0);
      for (const {key, kind} of written) assert.is((await carry(key)).outcome, 'equal', kind);
    });
  });
}

test.run();
