/** What is typed, and the topology text that it asks for. No server is needed for that. */
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {parseDuration, parseSize} from '../../src/cli/flags.js';
import {type ChangeRequest, editedText, requestedChange} from '../../src/migration/request.js';
import {parseAddition, parseRenaming, parseWeight} from '../../src/migration/typed.js';
import {parseTopology} from '../../src/topology/parse.js';
import {rejectionOf, thrownBy} from '../topology/failure.js';

const test = suite('migration/request');

const file = (placement: string, shards: string) =>
  `version: 1 # v\nname: x\nplacement: ${placement} # why\nshards:\n${shards}`;
const alpha = '  - name: alpha # a\n    master: h:1\n';
const beta = '  - name: beta # b\n    master: h:2\n    replicas: [h:3]\n';
const ketama = file('{scheme: ketama}', alpha + beta);

const none: ChangeRequest = {to: undefined, add: [], remove: []};
const edited = (text: string, request: Partial<ChangeRequest>) =>
  editedText(parseTopology(text, 'rtopo.yml'), {...none, ...request});

const EDITS: readonly (readonly [title: string, before: string, request: Partial<ChangeRequest>, after: string])[] = [
  [
    'several at once',
    ketama,
    {add: ['gamma=h:4:2,h:5'], weight: ['alpha=3'], remove: ['beta']},
    file(
      '{scheme: ketama}',
      '  - name: alpha # a\n    weight: 3\n    master: h:1\n  - name: gamma\n    weight: 2\n    master: h:4\n    replicas:\n      - h:5\n',
    ),
  ],
  [
    'a renamed shard stays what it is to the ring',
    ketama,
    {rename: ['beta=delta']},
    ketama.replace('name: beta # b\n', 'name: delta # b\n    node: beta\n'),
  ],
  [
    'a renamed shard where clients know places, not names',
    file('{scheme: modulo}', alpha + beta),
    {rename: ['beta=delta']},
    file('{scheme: modulo}', alpha + beta.replace('beta', 'delta')),
  ],
  [
    'a name that is weighed and changed',
    ketama,
    {weight: ['beta=2'], rename: ['beta=delta']},
    ketama.replace('name: beta # b\n', 'name: delta # b\n    node: beta\n    weight: 2\n'),
  ],
  [
    'another scheme keeps the tag, and drops options of the old one',
    file('{scheme: modulo, hash: crc32, hashTag: "{}"}', alpha + beta),
    {scheme: 'ketama'},
    file('{scheme: ketama, hashTag: "{}"}', alpha + beta),
  ],
  [
    'the same scheme keeps its options',
    file('{scheme: modulo, hash: crc32}', alpha),
    {hashTag: 'none'},
    file('{scheme: modulo, hash: crc32, hashTag: none}', alpha),
  ],
  [
    'a rule of its own',
    ketama,
    {placement: 'scheme: modulo, hash: fnv1a_64'},
    file('{scheme: modulo, hash: fnv1a_64}', alpha + beta),
  ],
  [
    'a second shard, and the rule that it makes necessary',
    `version: 1\nname: x\nshards:\n${alpha}`,
    {scheme: 'ketama', add: ['beta=h:2']},
    `version: 1\nname: x\nplacement: {scheme: ketama}\nshards:\n${alpha}  - name: beta\n    master: h:2\n`,
  ],
  [
    'the only shard goes when another one comes',
    file('{scheme: ketama}', alpha),
    {remove: ['alpha'], add: ['beta=h:2']},
    file('{scheme: ketama}', '  - name: beta\n    master: h:2\n'),
  ],
  ['what is there already', ketama, {add: ['beta=h:2,h:3']}, ketama],
];

for (const [title, before, request, after] of EDITS) {
  test(`the text after: ${title}`, () => {
    assert.is(edited(before, request).text, after);
  });
}

test('what was to be added and is there already is named', () => {
  assert.equal(edited(ketama, {add: ['beta=h:2', 'gamma=h:9']}).present, ['beta']);
  assert.equal(edited(ketama, {add: ['beta=h:2:1']}).present, ['beta']);
  for (const add of ['beta=h:2:2', 'beta=h:2,h:4']) {
    const {code, exit} = thrownBy(() => edited(ketama, {add: [add]}));
    assert.is(`${code} ${exit}`, 'SHARD_EXISTS 64', add);
  }
});

const WRONG: readonly (readonly [request: Partial<ChangeRequest>, exit: number, says: RegExp])[] = [
  [{add: ['gamma']}, 64, /NAME=ADDRESS/],
  [{add: ['=h:1']}, 64, /NAME=ADDRESS/],
  [{add: ['gamma=h']}, 64, /no port/],
  [{add: ['beta=h:9']}, 78, /already given/],
  [{add: ['gamma=h:1']}, 78, /already that of an instance/],
  [{weight: ['alpha']}, 64, /NAME=WEIGHT/],
  [{weight: ['alpha=-1']}, 64, /NAME=WEIGHT/],
  [{weight: ['alpha=0']}, 78, /whole number from 1/],
  [{weight: ['gamma=2']}, 64, /no shard "gamma"/],
  [{remove: ['gamma']}, 64, /no shard "gamma"/],
  [{remove: ['alpha', 'beta']}, 1, /only shard/],
  [{rename: ['alpha']}, 64, /OLD=NEW/],
  [{rename: ['alpha=beta']}, 78, /already given/],
  [{rename: ['alpha=Beta 2']}, 78, /a name is/],
  [{scheme: 'Ketama!'}, 78, /lower case/],
  [{hashTag: 'abc'}, 78, /two characters/],
  [{placement: 'ketama'}, 64, /mapping with a scheme/],
];

for (const [request, exit, says] of WRONG) {
  test(`refused: ${JSON.stringify(request)}`, () => {
    const error = thrownBy(() => edited(ketama, request));
    assert.is(error.exit, exit);
    assert.match(error.message, says);
  });
}

test('a file that assigns keys to names can only be replaced as a whole, or get another rule', () => {
  const ranges = file('{scheme: range, ranges: [{below: m, shard: alpha}, {shard: beta}]}', alpha + beta);
  for (const request of [{add: ['gamma=h:9']}, {remove: ['beta']}, {rename: ['beta=delta']}] as const) {
    const {message, exit} = thrownBy(() => edited(ranges, request));
    assert.is(exit, 64);
    assert.match(message, /`ranges:`, so --(add|remove|rename) alone/);
  }
  assert.match(edited(ranges, {add: ['gamma=h:9'], scheme: 'ketama'}).text, 'placement: {scheme: ketama} # why');
});

test('one way of saying it at a time', async () => {
  const source = {...parseTopology(ketama, 'rtopo.yml'), path: join('/tmp', 'rtopo.yml')};
  const cases: readonly [Partial<ChangeRequest>, RegExp][] = [
    [{}, /Nothing says/],
    [{to: 'x.yml', weight: ['alpha=2']}, /--to describes the whole/],
    [{placement: 'scheme: jump', scheme: 'jump'}, /--placement is the whole rule/],
  ];
  for (const [request, says] of cases) {
    const {exit, message} = await rejectionOf(requestedChange(source, {...none, ...request}));
    assert.is(exit, 64);
    assert.match(message, says);
  }
  const {message} = await rejectionOf(requestedChange({...source, path: null}, {...none, scheme: 'jump'}));
  assert.match(message, /standard input/);
});

test('a rename alone moves nothing by the numbers', async () => {
  const source = {...parseTopology(ketama, 'rtopo.yml'), path: join('/tmp', 'rtopo.yml')};
  const {change} = await requestedChange(source, {...none, rename: ['beta=delta']});
  assert.is(change.minimumShare, 0);
  assert.equal(
    change.nodes.map(({name}) => name),
    ['alpha', 'delta'],
  );
});

test('words and units', () => {
  assert.equal(parseAddition('b=[::1]:7:3').weight, 3);
  assert.equal(parseAddition('b=h:7').weight, undefined);
  assert.equal(parseWeight('b=12'), {name: 'b', weight: 12});
  assert.equal(parseRenaming('a=b'), {from: 'a', to: 'b'});
  const sizes = {'10': 10, '10b': 10, '1k': 1000, '1kb': 1024, '1KB': 1024, '5m': 5_000_000, '8mb': 8 << 20, '2g': 2e9};
  for (const [text, bytes] of Object.entries(sizes)) assert.is(parseSize(text), bytes, text);
  for (const text of ['', '0', '0mb', '-1', '1.5mb', '1tb', '10 mb', 'mb', '1e3', '999999999999999gb'])
    assert.is(thrownBy(() => parseSize(text)).exit, 64, text);
  assert.is(parseDuration('5ms'), 5);
});

test.run();
