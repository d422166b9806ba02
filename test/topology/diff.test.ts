import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {diffTopologies} from '../../src/topology/diff.js';
import {accepted} from './failure.js';

const test = suite('topology/diff');

const topology = (placement: string, ...shards: string[]) =>
  accepted(`version: 1\nname: x\nplacement: ${placement}\nshards: [${shards.join(', ')}]\n`, 'r').topology;

const A = '{name: a, master: "h:1"}';
const B = '{name: b, master: "h:2"}';
const C = '{name: c, master: "h:3"}';
const names = (shards: readonly {name: string}[]) => shards.map((shard) => shard.name);

test('equal topologies: nothing differs', () => {
  const from = topology('{scheme: slots, slots: {a: 0-5, b: [1, 2]}}', A, B);
  const to = topology('{slots: {b: [1, 2], a: 0-5}, scheme: slots}', A, B);
  assert.equal(diffTopologies(from, to), {
    added: [],
    removed: [],
    kept: from.shards.map((shard, i) => ({from: shard, to: to.shards[i]})),
    readdressed: [],
    reweighted: [],
    renamedNodes: [],
    renamedShards: [],
    reordered: false,
    scheme: null,
    hashTag: null,
    options: [],
    samePlacement: true,
  });
});

test('shards added, removed and kept', () => {
  const diff = diffTopologies(topology('{scheme: x}', A, B), topology('{scheme: x}', B, C));
  assert.equal(names(diff.added), ['c']);
  assert.equal(names(diff.removed), ['a']);
  assert.equal(names(diff.kept.map((one) => one.to)), ['b']);
  assert.is(diff.reordered, false);
  assert.is(diff.samePlacement, false);
});

test('another address of the master moves no key', () => {
  const diff = diffTopologies(topology('{scheme: x}', A, B), topology('{scheme: x}', A, '{name: b, master: "n:2"}'));
  assert.equal(diff.readdressed, [{name: 'b', from: {host: 'h', port: 2}, to: {host: 'n', port: 2}}]);
  assert.is(diff.samePlacement, true);
});

test('weight, node, order, scheme, hash tag and options do', () => {
  const from = topology('{scheme: x, hash: md5, gone: 1}', A, B);
  const weight = diffTopologies(
    from,
    topology('{scheme: x, hash: md5, gone: 1}', A, '{name: b, weight: 3, master: "h:2"}'),
  );
  assert.equal(weight.reweighted, [{name: 'b', from: 1, to: 3}]);
  assert.is(weight.samePlacement, false);
  const node = diffTopologies(
    from,
    topology('{scheme: x, hash: md5, gone: 1}', '{name: a, node: n, master: "h:1"}', B),
  );
  assert.equal(node.renamedNodes, [{name: 'a', from: 'a', to: 'n'}]);
  assert.is(node.samePlacement, false);
  const same = diffTopologies(
    from,
    topology('{scheme: x, hash: md5, gone: 1}', '{name: a, node: a, master: "h:1"}', B),
  );
  assert.is(same.samePlacement, true);
  const order = diffTopologies(from, topology('{scheme: x, hash: md5, gone: 1}', B, A));
  assert.is(order.reordered, true);
  assert.is(order.samePlacement, false);
  const rule = diffTopologies(from, topology('{scheme: y, hashTag: "{}", hash: crc32, fresh: [1]}', A, B));
  assert.equal(rule.scheme, {from: 'x', to: 'y'});
  assert.equal(rule.hashTag, {from: null, to: '{}'});
  assert.equal(rule.options, [
    {name: 'fresh', from: null, to: [1]},
    {name: 'gone', from: 1, to: null},
    {name: 'hash', from: 'md5', to: 'crc32'},
  ]);
  assert.is(rule.samePlacement, false);
});

test('a shard with a new name and the old address is probably the same shard', () => {
  const diff = diffTopologies(
    topology('{scheme: x}', A, B),
    topology('{scheme: x}', '{name: alpha, master: "h:1"}', B),
  );
  assert.equal(diff.renamedShards, [{from: 'a', to: 'alpha', address: {host: 'h', port: 1}}]);
  assert.is(diff.samePlacement, false);
});

test.run();
