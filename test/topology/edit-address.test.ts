/** A shard's master gets another address, and nothing else in the file moves. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {replaceMaster} from '../../src/topology/edit-address.js';
import {setMaster} from '../../src/topology/edit-master.js';
import {at, BLOCK, HEAD} from './edit-samples.js';
import {accepted, plainly} from './failure.js';

const test = suite('topology/edit-address');

type Master = Parameters<typeof replaceMaster>[1]['master'];

const MOVED: readonly (readonly [title: string, shard: string, master: Master, ...changes: [string, string][]])[] = [
  [
    'an address; who followed the old one by name follows the new one',
    'alpha',
    '10.1.0.1:6380',
    ['master: 10.0.0.1:6379   # big', 'master: 10.1.0.1:6380   # big'],
    ['of: 10.0.0.1:6379', 'of: "10.1.0.1:6380"'],
  ],
  [
    'a mapping in block style gives way to an address',
    'beta',
    '10.1.0.1:6380',
    ['master:\n      address: 10.0.0.6:6379   # old\n      priority: 3', 'master: 10.1.0.1:6380'],
  ],
  [
    'a mapping, also a nested one',
    'alpha',
    {address: '10.1.0.1:6380', peer: 'inside:6380', auth: {username: 'a', passwordEnv: 'P'}, priority: 2},
    [
      'master: 10.0.0.1:6379 ',
      'master: {address: 10.1.0.1:6380, peer: inside:6380, auth: {username: a, passwordEnv: P}, priority: 2} ',
    ],
    ['of: 10.0.0.1:6379', 'of: "10.1.0.1:6380"'],
  ],
];

for (const [title, shard, master, ...changes] of MOVED) {
  test(`moved: ${title}`, () => {
    const after = plainly(() => replaceMaster(BLOCK, {shard, master}));
    assert.is(
      after,
      changes.reduce((text, [from, to]) => text.replace(from, to), BLOCK),
    );
    const {topology} = accepted(after, 'r');
    assert.is(topology.shards.find(({name}) => name === shard)!.master.address.host, '10.1.0.1');
    assert.is(
      plainly(() => replaceMaster(after, {shard, master})),
      after,
      'a second time changes nothing',
    );
  });
}

test('a comment behind the colon stays, JSON stays JSON, quotes stay quotes', () => {
  const commented = BLOCK.replace('master:\n      address', 'master: # rack 2\n      address');
  const after = plainly(() => replaceMaster(commented, {shard: 'beta', master: '10.1.0.1:6380'}));
  assert.match(after, 'master: # rack 2\n      10.1.0.1:6380\n');
  accepted(after, 'r');
  const json = '{"version": 1, "name": "x", "shards": [{"name": "a", "master": "10.0.0.1:1"}]}';
  assert.is(
    plainly(() => replaceMaster(json, {shard: 'a', master: '10.0.0.2:1'})),
    json.replace('0.1:1', '0.2:1'),
  );
  const quoted = `${HEAD}shards:\n- {name: a, master: '10.0.0.1:1'} # it\n`;
  assert.is(
    plainly(() => replaceMaster(quoted, {shard: 'a', master: '10.0.0.2:1'})),
    quoted.replace('0.1:1', '0.2:1'),
  );
});

test('a declared replica changes places with the master', () => {
  const args = {shard: 'alpha', master: '10.0.0.2:6379'};
  assert.is(
    plainly(() => replaceMaster(BLOCK, args)),
    plainly(() => setMaster(BLOCK, {shard: 'alpha', master: at('10.0.0.2')})),
  );
});

test('an unknown shard is named', () => {
  assert.throws(
    () => replaceMaster(BLOCK, {shard: 'omega', master: '10.0.0.2:6379'}),
    (error: {code: string}) => error.code === 'SHARD_UNKNOWN',
  );
});

test.run();
