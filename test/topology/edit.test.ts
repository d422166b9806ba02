/** Edits change what they are asked to change, and not one byte besides. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {addShard, removeShard} from '../../src/topology/edit.js';
import {setMaster} from '../../src/topology/edit-master.js';
import {at, BLOCK, GAMMA, HEAD} from './edit-samples.js';
import {accepted, plainly, thrownBy} from './failure.js';

const test = suite('topology/edit');

test('a shard more, in block style: inserted behind the last one, nothing else touched', () => {
  const after = plainly(() => addShard(BLOCK, {...GAMMA, weight: 3, node: 'n: 1'}));
  const added = `
  - name: gamma
    node: "n: 1"
    weight: 3
    master: 10.0.0.9:6379
    replicas:
    - 10.0.0.10:6379
    - "[::1]:6379"
`;
  assert.is(after, BLOCK.replace('# the end', `${added}# the end`));
});

const ADDED: readonly (readonly [title: string, before: string, after: string])[] = [
  [
    'in braces under dashes, quotes as the neighbour has them',
    `${HEAD}shards:\n- {name: a, master: "h:1"}\n- { name: b, master: 'h:2' } # last`,
    `${HEAD}shards:\n- {name: a, master: "h:1"}\n- { name: b, master: 'h:2' } # last\n- { name: gamma, master: '10.0.0.9:6379', replicas: ['10.0.0.10:6379', '[::1]:6379'] }\n`,
  ],
  [
    'in brackets on one line',
    `${HEAD}shards: [{name: a, master: h:1}] # c\nauth: false\n`,
    `${HEAD}shards: [{name: a, master: h:1}, {name: gamma, master: 10.0.0.9:6379, replicas: [10.0.0.10:6379, "[::1]:6379"]}] # c\nauth: false\n`,
  ],
  [
    'in brackets on many lines, with a trailing comma',
    `${HEAD}shards: [\n  {name: a, master: h:1}, # one\n]\n`,
    `${HEAD}shards: [\n  {name: a, master: h:1}, # one\n  {name: gamma, master: 10.0.0.9:6379, replicas: [10.0.0.10:6379, "[::1]:6379"]},\n]\n`,
  ],
  [
    'in brackets on many lines, without a trailing comma',
    `${HEAD}shards: [\n  {name: a, master: h:1} # one\n]\n`,
    `${HEAD}shards: [\n  {name: a, master: h:1}, # one\n  {name: gamma, master: 10.0.0.9:6379, replicas: [10.0.0.10:6379, "[::1]:6379"]}\n]\n`,
  ],
  [
    'in JSON',
    '{"version": 1, "name": "x", "placement": {"scheme": "x"}, "shards": [{"name": "a", "master": "h:1"}]}',
    '{"version": 1, "name": "x", "placement": {"scheme": "x"}, "shards": [{"name": "a", "master": "h:1"}, {"name": "gamma", "master": "10.0.0.9:6379", "replicas": ["10.0.0.10:6379", "[::1]:6379"]}]}',
  ],
  [
    'with CRLF and byte order mark, without a line break at the end',
    `\ufeff${HEAD.replaceAll('\n', '\r\n')}shards:\r\n  - name: a\r\n    master: h:1`,
    `\ufeff${HEAD.replaceAll('\n', '\r\n')}shards:\r\n  - name: a\r\n    master: h:1\r\n  - name: gamma\r\n    master: 10.0.0.9:6379\r\n    replicas:\r\n      - 10.0.0.10:6379\r\n      - "[::1]:6379"\r\n`,
  ],
  [
    'wide dashes and lists of replicas in brackets',
    `${HEAD}shards:\n-   name: a\n    master: h:1\n    replicas: [h:2]\n`,
    `${HEAD}shards:\n-   name: a\n    master: h:1\n    replicas: [h:2]\n-   name: gamma\n    master: 10.0.0.9:6379\n    replicas: [10.0.0.10:6379, "[::1]:6379"]\n`,
  ],
  [
    'behind a block scalar',
    `${HEAD}shards:\n  - name: a\n    master:\n      address: h:1\n      auth:\n        passwordCommand: |\n          pass show x\n`,
    `${HEAD}shards:\n  - name: a\n    master:\n      address: h:1\n      auth:\n        passwordCommand: |\n          pass show x\n  - name: gamma\n    master: 10.0.0.9:6379\n    replicas:\n      - 10.0.0.10:6379\n      - "[::1]:6379"\n`,
  ],
];

for (const [title, before, after] of ADDED) {
  test(`a shard more: ${title}`, () => {
    assert.is(
      plainly(() => addShard(before, GAMMA)),
      after,
    );
    assert.is(accepted(after, 'r').topology.shards.at(-1)?.replicas.length, 2);
  });
}

test('names that YAML would take for something else are quoted', () => {
  for (const name of ['true', 'null', 'no', '1', '1e3', '0x1f', '0-1', '2001-01-01', 'zeta']) {
    for (const text of [BLOCK, ADDED[1]![1]]) {
      const after = plainly(() => addShard(text, {name, master: at('new'), replicas: []}));
      assert.is(accepted(after, 'r').topology.shards.at(-1)?.name, name);
      assert.is(after.includes(`"${name}"`), name !== 'zeta');
    }
  }
});

test('a shard less: with its comments, and without those of the others', () => {
  assert.is(
    plainly(() => removeShard(BLOCK, 'alpha')),
    `${BLOCK.slice(0, BLOCK.indexOf('  - name: alpha'))}${BLOCK.slice(BLOCK.indexOf('  # rack 2'))}`,
  );
  assert.is(
    plainly(() => removeShard(BLOCK, 'beta')),
    `${BLOCK.slice(0, BLOCK.indexOf('\n  # rack 2'))}${BLOCK.slice(BLOCK.indexOf('# the end'))}`,
  );
});

test('adding and then removing gives back the same bytes', () => {
  for (const [, before] of [['', BLOCK], ...ADDED] as const) {
    const both = plainly(() => removeShard(addShard(before, GAMMA), 'gamma'));
    assert.is(both.trimEnd(), before.trimEnd());
  }
});

test('a shard less, in brackets', () => {
  const text = `${HEAD}shards: [{name: a, master: h:1}, # one\n  {name: b, master: h:2}]\n`;
  assert.is(
    plainly(() => removeShard(text, 'a')),
    `${HEAD}shards: [{name: b, master: h:2}]\n`,
  );
  assert.is(
    plainly(() => removeShard(text, 'b')),
    `${HEAD}shards: [{name: a, master: h:1}]\n`,
  );
});

test('what cannot be done is refused, and says why', () => {
  const cases: readonly (readonly [() => unknown, string, string])[] = [
    [
      () => removeShard(BLOCK, 'delta'),
      'SHARD_UNKNOWN',
      'There is no shard "delta" in the topology; it has alpha, beta.',
    ],
    [
      () => setMaster(BLOCK, {shard: 'delta', master: at('h')}),
      'SHARD_UNKNOWN',
      'There is no shard "delta" in the topology; it has alpha, beta.',
    ],
    [
      () => setMaster(BLOCK, {shard: 'alpha', master: at('h')}),
      'TOPOLOGY_NOT_EDITABLE',
      'The topology file was not changed: shard "alpha" has no replica h:6379.',
    ],
    [
      () => removeShard('version: 1\nname: x\nshards: [{name: a, master: h:1}]', 'a'),
      'TOPOLOGY_NOT_EDITABLE',
      'The topology file was not changed: "a" is its only shard.',
    ],
    [
      () => addShard(BLOCK, {...GAMMA, name: 'alpha'}),
      'TOPOLOGY_INVALID',
      'rtopo.yml:26:11: The shard name "alpha" was already given on line 7.',
    ],
    [
      () => addShard(BLOCK, {...GAMMA, master: at('10.0.0.1')}),
      'TOPOLOGY_INVALID',
      'rtopo.yml:27:13: The address 10.0.0.1:6379 is already that of an instance on line 8.',
    ],
    [() => addShard('version: 1', GAMMA), 'TOPOLOGY_INVALID', ''],
    // The alias would silently mean the other address.
    [
      () =>
        setMaster(
          `${HEAD}shards:\n- {name: a, master: &m h:1, replicas: [h:2]}\n- {name: b, node: *m, master: h:3}\n`,
          {shard: 'a', master: at('h', 2)},
        ),
      'TOPOLOGY_NOT_EDITABLE',
      'The topology file was not changed: it is written in a way that rtopo cannot change without touching the rest.',
    ],
    // Without the anchor in the first shard the second one would mean nothing.
    [
      () =>
        removeShard(
          `${HEAD}shards:\n- {name: a, master: {address: h:1, auth: &a {passwordEnv: P}}}\n- {name: b, master: {address: h:2, auth: *a}}\n`,
          'a',
        ),
      'TOPOLOGY_NOT_EDITABLE',
      'The topology file was not changed: it is written in a way that rtopo cannot change without touching the rest.',
    ],
    [
      () => addShard(`${HEAD.replace('{scheme', '{list: &l [{name: a, master: "h:1"}], scheme')}shards: *l\n`, GAMMA),
      'TOPOLOGY_NOT_EDITABLE',
      'The topology file was not changed: the list of shards is an alias.',
    ],
  ];
  for (const [edit, code, message] of cases) {
    const error = thrownBy(edit);
    assert.is(error.code, code);
    assert.ok(error.message.startsWith(message), error.message);
  }
});

test.run();
