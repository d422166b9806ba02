import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {envoyRing, envoyTable} from '../../src/placement/schemes/envoy.js';
import {placed, refusalOf} from './topologies.js';
import {load} from './vectors.js';

const test = suite('placement/envoy');

interface UnitTest {
  readonly name: string;
  readonly kind: 'ring_hash' | 'maglev';
  readonly hosts: readonly {hash_key: string; weight: number; id: string}[];
  readonly minimum_ring_size?: number;
  readonly maximum_ring_size?: number;
  readonly hash_function?: string;
  /** Id of the host and point, ascending. */
  readonly ring?: readonly [string, string][];
  /** Request hash and id of the host. */
  readonly probes?: readonly [string, string][];
  readonly table_size?: number;
  readonly table?: readonly string[];
}

let constants = 0;
for (const unit of (load('envoy-unit-tests') as {cases: readonly UnitTest[]}).cases)
  test(`constants of Envoy's own test ${unit.name}`, () => {
    const shards = unit.hosts.map(({hash_key, weight, id}) => ({name: id, node: hash_key, weight}));
    const options = {
      policy: unit.kind,
      hashFunction: unit.hash_function === 'MURMUR_HASH_2' ? ('murmur_hash_2' as const) : ('xx_hash' as const),
      enableHashtagging: false,
      minimumRingSize: unit.minimum_ring_size ?? 1024,
      maximumRingSize: unit.maximum_ring_size ?? 8_388_608,
      tableSize: unit.table_size ?? 65537,
    };
    if (unit.kind === 'maglev') {
      constants += unit.table!.length;
      assert.equal(
        [...envoyTable(shards, options)].map((owner) => shards[owner]!.name),
        unit.table,
      );
      return;
    }
    const ring = envoyRing(shards, options);
    const points = [...ring.owners].map((owner, i) => {
      const [high, low] = ring.point(i);
      return [shards[owner]!.name, String((BigInt(high!) << 32n) | BigInt(low!))];
    });
    if (unit.ring !== undefined) assert.equal(points, unit.ring);
    constants += (unit.ring?.length ?? 0) + (unit.probes?.length ?? 0);
    for (const [hash, id] of unit.probes ?? []) {
      const value = BigInt(hash);
      const words = Uint32Array.of(Number(value >> 32n), Number(value & 0xffff_ffffn));
      assert.is(shards[ring.owner(words)]!.name, id, hash);
    }
  });

test('all of them', () => assert.is(constants, 130));

test('the tag counts when hash tagging is enabled', () => {
  const keys = Array.from({length: 50}, (_, i) => Buffer.from(`{same}:${i}`));
  const owners = (enableHashtagging: boolean) => {
    const placement = placed({scheme: 'envoy', enableHashtagging}, ['a', 'b', 'c']);
    return new Set(keys.map((key) => placement.ownerOf(key).name)).size;
  };
  assert.is(owners(true), 1);
  assert.ok(owners(false) > 1);
});

test('refuses a table that is no prime and a ring that is too large', () => {
  const {message} = refusalOf({scheme: 'envoy', policy: 'maglev', tableSize: 65536}, ['a', 'b']);
  assert.match(message, /must be a prime number such as 65537, and 65536 is none/);
  const {paths} = refusalOf({scheme: 'envoy', minimumRingSize: 8_000_000}, ['a', 'b']);
  assert.equal(paths, ['placement.maximumRingSize']);
});

test.run();
