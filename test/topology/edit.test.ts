/** Edits change what they are asked to change, and not one byte besides. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {RtopoError} from '../../src/errors.js';
import {addShard, type NewShard, removeShard} from '../../src/topology/edit.js';
import {setMaster} from '../../src/topology/edit-master.js';
import {parseTopology} from '../../src/topology/parse.js';
import {addressText, type Topology} from '../../src/topology/types.js';
import {accepted, plainly, thrownBy} from './failure.js';
import {MUTABLE, mutated, seeded} from './mutate.js';

const test = suite('topology/edit');

const at = (host: string, port = 6379) => ({host, port});
const GAMMA: NewShard = {name: 'gamma', master: at('10.0.0.9'), replicas: [at('10.0.0.10'), at('::1')]};

const HEAD = `# who: ops
version: 1   # of the format
name: x
placement: {scheme: ketama}
`;
const BLOCK = `${HEAD}shards: # all of them
  # in the order of the racks
  - name: alpha # rack 1
    master: 10.0.0.1:6379   # big machine
    replicas:
      - 10.0.0.2:6379  # spare
      - {address: 10.0.0.3:6379, of: 10.0.0.1:6379}
    # more to come

  # rack 2
  - name: beta
    weight: 2
    master:
      address: 10.0.0.6:6379   # old
      priority: 3
    replicas:
    - 10.0.0.7:6379
    -   address: 10.0.0.8:6379
        of: 10.0.0.7:6379
        priority: 9
# the end
auth:
  passwordEnv: P
`;

/** Whether `short` is `long` with pieces cut out: an edit that only adds, or only removes. */
function isCutFrom(short: string, long: string): boolean {
  let at = 0;
  for (const char of long) {
    at += short.startsWith(char, at) ? char.length : 0;
  }
  return at === short.length;
}

/** A topology without the places of its shards: what an edit must lead to. */
const summary = (topology: Topology) =>
  topology.shards.map(({name, node, weight, master, replicas}) => ({
    name,
    node,
    weight,
    master: addressText(master.address),
    replicas: replicas.map((replica) => `${addressText(replica.address)} of ${addressText(replica.of!)}`),
  }));

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

/** Edits of any acceptable file: the result says what was wanted, or the edit is refused. */
test('edits of mutated files lead to the wanted topology or are refused', () => {
  const random = seeded(11);
  const outcomes = {done: 0, refused: 0};
  for (let i = 0; i < 4000; i += 1) {
    const base = [BLOCK, ...MUTABLE][i % (MUTABLE.length + 1)]!;
    const text = mutated(base, random);
    const before = topologyOf(text);
    if (before === null) {
      continue;
    }
    const shard = before.shards[Math.floor(random() * before.shards.length)]!;
    const replica = shard.replicas[0];
    const edits: readonly (readonly [() => string, (shards: ReturnType<typeof summary>) => boolean])[] = [
      [
        () => addShard(text, GAMMA),
        (shards) => shards.length === before.shards.length + 1 && shards.at(-1)?.name === 'gamma',
      ],
      [() => removeShard(text, shard.name), (shards) => shards.every((one) => one.name !== shard.name)],
      [
        () => setMaster(text, {shard: shard.name, master: replica?.address ?? at('none')}),
        (shards) => shards.some((one) => replica !== undefined && one.master === addressText(replica.address)),
      ],
    ];
    for (const [edit, isWanted] of edits) {
      try {
        const after = edit();
        outcomes.done += 1;
        const told = `${JSON.stringify(text)} → ${JSON.stringify(after)}`;
        assert.ok(isWanted(summary(parseTopology(after, 'r').topology)), told);
        assert.ok(edit === edits[2]![0] || isCutFrom(text, after) || isCutFrom(after, text), told);
      } catch (error) {
        if (!(error instanceof RtopoError)) {
          throw error;
        }
        outcomes.refused += 1;
      }
    }
  }
  assert.ok(outcomes.done > 200, JSON.stringify(outcomes));
});

function topologyOf(text: string): Topology | null {
  try {
    return parseTopology(text, 'r').topology;
  } catch {
    return null;
  }
}

test.run();
