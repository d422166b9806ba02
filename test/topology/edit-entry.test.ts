/** Weights, names and the placement rule: changed where they stand, in the style of what stands beside them. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {placementValue, readPlacement, setPlacement} from '../../src/topology/edit-placement.js';
import {renameShard, setWeight} from '../../src/topology/edit-shard.js';
import {BLOCK, HEAD} from './edit-samples.js';
import {accepted, plainly, thrownBy} from './failure.js';

const test = suite('topology/edit-entry');

type Case = readonly [title: string, before: string, after: string];

const json = (shard: string) => `{"version": 1, "name": "x", "shards": [${shard}]}`;

const WEIGHTS: readonly Case[] = [
  ['changed in place', BLOCK, BLOCK.replace('weight: 2', 'weight: 5')],
  [
    'new, behind the name and its comment',
    `${HEAD}shards:\n  - name: beta # two\n    # its home\n    master: h:1\n`,
    `${HEAD}shards:\n  - name: beta # two\n    weight: 5\n    # its home\n    master: h:1\n`,
  ],
  [
    'new, behind the node',
    `${HEAD}shards:\n  - name: beta\n    node: b\n    master: h:1`,
    `${HEAD}shards:\n  - name: beta\n    node: b\n    weight: 5\n    master: h:1`,
  ],
  [
    'new, in braces',
    `${HEAD}shards:\n- { name: beta, master: 'h:1' }`,
    `${HEAD}shards:\n- { name: beta, weight: 5, master: 'h:1' }`,
  ],
  ['in JSON', json('{"name": "beta", "master": "h:1"}'), json('{"name": "beta", "weight": 5, "master": "h:1"}')],
];

for (const [title, before, after] of WEIGHTS) {
  test(`a weight: ${title}`, () => {
    assert.is(
      plainly(() => setWeight(before, {name: 'beta', weight: 5})),
      after,
    );
    assert.is(
      plainly(() => setWeight(after, {name: 'beta', weight: 5})),
      after,
      'a second time changes nothing',
    );
  });
}

test('a weight of 1 goes without saying, and one of 0 is no weight', () => {
  const text = `${HEAD}shards: [{name: beta, master: h:1}]\n`;
  assert.is(setWeight(text, {name: 'beta', weight: 1}), text);
  assert.is(thrownBy(() => setWeight(text, {name: 'beta', weight: 0})).exit, 78);
  assert.is(thrownBy(() => setWeight(text, {name: 'gamma', weight: 2})).code, 'SHARD_UNKNOWN');
});

const NAMES: readonly Case[] = [
  [
    'the node keeps the old name',
    `${HEAD}shards:\n  - name: beta # two\n    master: h:1\n`,
    `${HEAD}shards:\n  - name: new # two\n    node: beta\n    master: h:1\n`,
  ],
  [
    'a node that is there already stays',
    `${HEAD}shards:\n  - name: beta\n    node: b\n    master: h:1\n`,
    `${HEAD}shards:\n  - name: new\n    node: b\n    master: h:1\n`,
  ],
  ['in JSON', json('{"master": "h:1", "name": "beta"}'), json('{"master": "h:1", "name": "new", "node": "beta"}')],
  [
    'quotes stay',
    `${HEAD}shards: [{name: 'beta', master: h:1}]\n`,
    `${HEAD}shards: [{name: 'new', node: beta, master: h:1}]\n`,
  ],
];

for (const [title, before, after] of NAMES) {
  test(`another name: ${title}`, () => {
    assert.is(
      plainly(() => renameShard(before, {from: 'beta', to: 'new', keepNode: true})),
      after,
    );
  });
}

test('another name, where names are without meaning to the clients', () => {
  const after = plainly(() => renameShard(BLOCK, {from: 'beta', to: 'new', keepNode: false}));
  assert.is(after, BLOCK.replace('name: beta', 'name: new'));
  assert.match(
    thrownBy(() => renameShard(BLOCK, {from: 'beta', to: 'alpha', keepNode: true})).message,
    /already given/,
  );
});

const shard = 'shards: [{name: a, master: h:1}]\n';
const head = 'version: 1\nname: x\n';
const md5 = {scheme: 'ketama', hash: 'md5'};

const PLACEMENTS: readonly (readonly [
  title: string,
  wanted: Record<string, unknown>,
  before: string,
  after: string,
])[] = [
  [
    'another scheme in braces',
    {scheme: 'jump'},
    `${head}placement: {scheme: ketama} # why\n${shard}`,
    `${head}placement: {scheme: jump} # why\n${shard}`,
  ],
  [
    'an option more, an option less, in braces',
    md5,
    `${head}placement: {hashTag: "{}", scheme: modulo, hash: crc32}\n${shard}`,
    `${head}placement: {scheme: ketama, hash: md5}\n${shard}`,
  ],
  [
    'in block style, with comments of what stays',
    {...md5, hashTag: '{}'},
    `${head}placement: # the rule\n  scheme: modulo # of old\n  # for ever\n  seed: 3\n  # by the book\n  hash: crc32 # c\n# shards\n${shard}`,
    `${head}placement: # the rule\n  scheme: ketama # of old\n  # by the book\n  hash: md5 # c\n  hashTag: "{}"\n# shards\n${shard}`,
  ],
  [
    'none before: in front of the shards',
    md5,
    `${head}# the shards\n${shard}`,
    `${head}placement: {scheme: ketama, hash: md5}\n# the shards\n${shard}`,
  ],
  [
    'on lines of their own in braces',
    {scheme: 'ketama', hash: 'md5'},
    `${head}placement: {\n  scheme: modulo, # s\n  seed: 3 # t\n}\n${shard}`,
    `${head}placement: {\n  scheme: ketama, # s\n  hash: md5\n}\n${shard}`,
  ],
  [
    'lists and mappings',
    {scheme: 'range', ranges: [{from: 0, to: 9, shard: 'a'}]},
    `{"version": 1, "name": "x", "placement": {"scheme": "x"}, "shards": [{"name": "a", "master": "h:1"}]}`,
    `{"version": 1, "name": "x", "placement": {"scheme": "range", "ranges": [{"from": 0, "to": 9, "shard": "a"}]}, "shards": [{"name": "a", "master": "h:1"}]}`,
  ],
];

for (const [title, wanted, before, after] of PLACEMENTS) {
  test(`a placement: ${title}`, () => {
    const value = wanted as Parameters<typeof setPlacement>[1];
    assert.is(
      plainly(() => setPlacement(before, value)),
      after,
    );
    assert.is(
      plainly(() => setPlacement(after, value)),
      after,
      'a second time changes nothing',
    );
    assert.equal({...placementValue(accepted(after, 'r').topology.placement!)}, wanted);
  });
}

test('a placement as it is typed', () => {
  assert.equal(readPlacement('scheme: ketama, hash: md5'), md5);
  assert.equal(readPlacement('{scheme: ketama, hashTag: "{}"}'), {scheme: 'ketama', hashTag: '{}'});
  for (const text of ['', 'ketama', 'scheme: [1]', 'hash: md5', '{scheme: a', 'scheme: a, scheme: b', 'scheme: *a']) {
    const {code, exit} = thrownBy(() => readPlacement(text), text);
    assert.is(`${code} ${exit}`, 'USAGE 64', text);
  }
});

test.run();
