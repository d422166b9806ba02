/** The two instances change places, each with what is said of it, and nothing else moves. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {setMaster} from '../../src/topology/edit-master.js';
import {at, BLOCK} from './edit-samples.js';
import {accepted, plainly} from './failure.js';

const test = suite('topology/edit-master');

const PROMOTED: readonly (readonly [title: string, shard: string, master: string, ...changes: [string, string][]])[] = [
  [
    'two addresses; who followed the old master by name follows the new one',
    'alpha',
    '10.0.0.2',
    ['master: 10.0.0.1:6379', 'master: 10.0.0.2:6379'],
    ['- 10.0.0.2:6379  # spare', '- 10.0.0.1:6379  # spare'],
    ['of: 10.0.0.1:6379', 'of: 10.0.0.2:6379'],
  ],
  [
    'a mapping in braces loses its parent',
    'alpha',
    '10.0.0.3',
    ['master: 10.0.0.1:6379', 'master: {address: 10.0.0.3:6379}'],
    ['- {address: 10.0.0.3:6379, of: 10.0.0.1:6379}', '- 10.0.0.1:6379'],
  ],
  [
    'an address and a mapping in block style',
    'beta',
    '10.0.0.7',
    ['master:\n      address: 10.0.0.6:6379   # old\n      priority: 3', 'master: 10.0.0.7:6379'],
    ['- 10.0.0.7:6379', '- address: 10.0.0.6:6379   # old\n      priority: 3'],
  ],
  [
    'two mappings in block style',
    'beta',
    '10.0.0.8',
    ['address: 10.0.0.6:6379   # old\n      priority: 3', 'address: 10.0.0.8:6379\n      priority: 9'],
    [
      'address: 10.0.0.8:6379\n        of: 10.0.0.7:6379\n        priority: 9',
      'address: 10.0.0.6:6379   # old\n        priority: 3',
    ],
  ],
];

for (const [title, shard, master, ...changes] of PROMOTED) {
  test(`another master: ${title}`, () => {
    const after = plainly(() => setMaster(BLOCK, {shard, master: at(master)}));
    let expected = BLOCK.replaceAll(/$/gm, '\u0001');
    // All changes refer to the text before: marks keep them from meeting each other.
    for (const [i, [from]] of changes.entries()) {
      expected = expected.replace(from.replaceAll('\n', '\u0001\n'), `\u0002${i}\u0002`);
    }
    for (const [i, [, to]] of changes.entries()) {
      expected = expected.replace(`\u0002${i}\u0002`, to);
    }
    assert.is(after, expected.replaceAll('\u0001', ''));
    const {topology} = accepted(after, 'r');
    assert.is(topology.shards.find((one) => one.name === shard)?.master.address.host, master);
    assert.is(
      plainly(() => setMaster(after, {shard, master: at(master)})),
      after,
      'a second time changes nothing',
    );
  });
}

test.run();
