import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {judgeDesign} from '../../src/placement/judge.js';
import {type PlacementSketch, placed} from './topologies.js';

const test = suite('placement/judge');

function codes(placement: PlacementSketch, nodes: readonly (string | null)[], host = '10.0.0.1'): string[] {
  const shards = nodes.map((node, i) => ({name: `s${i}`, node: node ?? `s${i}`, weight: 1, host, port: 6379 + i}));
  return judgeDesign(placed(placement, shards), shards).map(({code}) => code);
}

test('addresses in a ring are found in every form in which clients write them, names are not', () => {
  assert.equal(codes({scheme: 'ketama'}, [null, null, null]), []);
  assert.equal(codes({scheme: 'twemproxy'}, ['10.0.0.1:6379', null, null]), ['ADDRESS_IS_IDENTITY']);
  assert.equal(codes({scheme: 'redis-rb'}, ['redis://10.0.0.1:6379/0', 'redis://10.0.0.1:6380/0']), [
    'ADDRESS_IS_IDENTITY',
  ]);
  assert.equal(codes({scheme: 'envoy'}, ['[2001:db8::1]:6379', 'b'], '2001:db8::1'), ['ADDRESS_IS_IDENTITY']);
  assert.equal(codes({scheme: 'predis'}, ['10.0.0.1:63790', 'b']), [], 'another port');
  assert.equal(
    codes({scheme: 'slots'}, ['10.0.0.1:6379', '10.0.0.1:6380']),
    ['ORDER_IS_IDENTITY'],
    'no ring, no matter',
  );
});

test('order, reshuffling, uneven spread and warnings', () => {
  assert.equal(codes({scheme: 'modulo'}, [null, null]), ['ORDER_IS_IDENTITY', 'RESHUFFLES']);
  assert.equal(codes({scheme: 'twemproxy', hash: 'crc32'}, [null, null]), ['PLACEMENT_WARNING', 'UNEVEN']);
  assert.equal(codes({scheme: 'modulo'}, [null]), [], 'one shard');
});

test.run();
