import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {randomKeys} from './random.js';
import {ownerName, placed, refusalOf} from './topologies.js';

const test = suite('placement/range');
const byBytes = {scheme: 'range', ranges: [{below: 'g', shard: 'a'}, {below: 'p', shard: 'b'}, {shard: 'c'}]};
const byNumber = {
  scheme: 'range',
  by: 'number',
  otherwise: 'c',
  ranges: [{below: 1000, shard: 'a'}, {below: '2000', shard: 'b'}, {shard: 'c'}],
};
const shards = ['a', 'b', 'c'];

function owners(placement: ReturnType<typeof placed>, keys: readonly (string | Buffer)[]): string {
  return keys.map((key) => ownerName(placement, key)).join('');
}

test('bytes are compared unsigned, the limit belongs to the range above, and a beginning comes first', () => {
  const placement = placed(byBytes, shards);
  assert.is(owners(placement, ['', 'a', 'fzzz', 'g', 'g\0', 'ozzz', 'p', 'zebra', 'é']), 'aaabbbccc');
  assert.is(
    owners(placement, [Buffer.from([0]), Buffer.from([0x7f]), Buffer.from([0x80]), Buffer.from([0xff])]),
    'accc',
  );
});

test('agrees with Buffer.compare on random bytes and random limits', () => {
  const limits = [...new Set(randomKeys(60, 4).map((key) => key.toString('latin1').replace(/[^\0-\x7f]/g, 'x')))];
  const sorted = limits.filter((limit) => limit !== '').sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const ranges = [...sorted.map((below, i) => ({below, shard: shards[i % 3]})), {shard: 'b'}];
  const placement = placed({scheme: 'range', ranges}, shards);
  for (const key of [...randomKeys(3000, 5), ...sorted.map((limit) => Buffer.from(limit))]) {
    const at = sorted.findIndex((limit) => Buffer.compare(key, Buffer.from(limit)) < 0);
    assert.is(ownerName(placement, key), at === -1 ? 'b' : shards[at % 3]);
  }
});

test('numbers are compared as numbers, leading zeros or not; what is no number goes otherwise', () => {
  const placement = placed({...byNumber, otherwise: 'b'}, shards);
  assert.is(
    owners(placement, ['0', '999', '0999', '1000', '00001999', '2000', '99999999999999999999999999']),
    'aaabbcc',
  );
  assert.is(owners(placement, ['', '-1', '1.5', '1e3', ' 1', '1\n', 'x1', '١', '0x10']), 'bbbbbbbbb');
});

test('numbers beyond 2^53 are compared exactly', () => {
  const ranges = [
    {below: '9007199254740993', shard: 'a'},
    {below: '100000000000000000000000000000001', shard: 'b'},
    {shard: 'c'},
  ];
  const placement = placed({scheme: 'range', by: 'number', otherwise: 'c', ranges}, shards);
  assert.is(owners(placement, ['9007199254740992', '9007199254740993']), 'ab');
  assert.is(owners(placement, ['100000000000000000000000000000000', '100000000000000000000000000000001']), 'bc');
});

test('extract takes the number, or the bytes, out of the key', () => {
  const number = placed({...byNumber, extract: '^user:(\\d+):'}, shards);
  assert.is(owners(number, ['user:5:cart', 'user:1500:x', 'user:0002000:x', 'user::x', 'order:5:x', '5']), 'abcccc');
  const bytes = placed({...byBytes, extract: ':([a-z]*)$', otherwise: 'b'}, shards);
  assert.is(owners(bytes, ['x:alice', 'x:zoe', 'x:', 'x', 'x:ALICE']), 'acabb');
  const word = placed({...byNumber, extract: '^user:(.*)$'}, shards);
  assert.is(owners(word, ['user:5', 'user:five']), 'ac');
});

test('extract reads bytes, not characters, and sees only the key', () => {
  const placement = placed({...byNumber, extract: '^\\xff\\x00(\\d+)$', otherwise: 'c'}, shards);
  assert.is(ownerName(placement, Buffer.from([0xff, 0, 0x31])), 'a');
  const around = Buffer.from([0x31, 0xff, 0, 0x31, 0x31, 0x31, 0x31]);
  assert.is(placement.ownerIndex(around, 1, 4), 0);
  assert.is(placement.ownerIndex(around, 1, 7), 1);
});

test('a group that took no part in the match yields nothing', () => {
  const placement = placed({...byNumber, extract: '^(?:user:(\\d+)|guest)'}, shards);
  assert.is(owners(placement, ['user:1', 'guest']), 'ac');
});

test('explains what was extracted, compared and found', () => {
  const values = (placement: ReturnType<typeof placed>, key: string) =>
    placement.explain(Buffer.from(key)).facts.map(({label, value}) => `${label}: ${value}`);
  const extracting = placed({...byNumber, extract: '^user:(\\d+)'}, shards);
  assert.equal(values(extracting, 'user:0042'), ['extracted: "0042"', 'compared: 42', 'range: below 1000 of "a"']);
  assert.equal(values(extracting, 'x'), ['extracted: nothing', 'otherwise: no number, so "c"']);
  assert.equal(values(placed(byNumber, shards), '000'), ['compared: 0', 'range: below 1000 of "a"']);
  assert.equal(values(placed(byNumber, shards), '1500'), [
    'compared: 1500',
    'range: from 1000 and below "2000" of "b"',
  ]);
  assert.equal(values(placed(byBytes, shards), 'x\x1b'), ['compared: "x\\x1b"', 'range: from "p" of "c"']);
});

test('one shard: one range over everything', () => {
  const placement = placed({scheme: 'range', ranges: [{shard: 'a'}]}, ['a']);
  assert.is(ownerName(placement, 'x'), 'a');
  assert.is(placement.explain(Buffer.from('x')).facts[1]!.value, 'everything of "a"');
});

const refused: readonly (readonly [title: string, placement: object, paths: string[], message: RegExp])[] = [
  [
    'limits that do not ascend',
    {ranges: [{below: 'p', shard: 'a'}, {below: 'g', shard: 'b'}, {shard: 'c'}]},
    ['ranges.1.below'],
    /must ascend, and "g"/,
  ],
  [
    'equal limits',
    {ranges: [{below: 'g', shard: 'a'}, {below: 'g', shard: 'b'}, {shard: 'c'}]},
    ['ranges.1.below'],
    /leaves no key/,
  ],
  [
    'a first limit of nothing',
    {ranges: [{below: '', shard: 'a'}, {below: 'g', shard: 'b'}, {shard: 'c'}]},
    ['ranges.0.below'],
    /leaves no key/,
  ],
  [
    'a last range with a limit',
    {
      ranges: [
        {below: 'g', shard: 'a'},
        {below: 'p', shard: 'b'},
        {below: 'z', shard: 'c'},
      ],
    },
    ['ranges.2.below'],
    /last range/,
  ],
  [
    'a middle range without',
    {ranges: [{below: 'g', shard: 'a'}, {shard: 'b'}, {shard: 'c'}]},
    ['ranges.1.below'],
    /Only the last/,
  ],
  [
    'an unknown shard and a shard without a range',
    {ranges: [{below: 'g', shard: 'a'}, {below: 'p', shard: 'bb'}, {shard: 'c'}]},
    ['ranges.1.shard', 'ranges'],
    /"bb" is no shard\. Did you mean "[abc]"\? Shard "b" has no range/,
  ],
  [
    'a number as a limit of bytes',
    {ranges: [{below: 5, shard: 'a'}, {below: 'p', shard: 'b'}, {shard: 'c'}]},
    ['ranges.0.below'],
    /write it in quotes/,
  ],
  ['otherwise where it owns nothing', {...byBytes, otherwise: 'a'}, ['otherwise'], /leave it out/],
  ['no otherwise by number', {...byNumber, otherwise: undefined}, ['otherwise'], /keys with no number/],
  ['no otherwise with extract', {...byBytes, extract: '(x)'}, ['otherwise'], /no match of extract/],
  ['an unknown otherwise', {...byNumber, otherwise: 'nobody'}, ['otherwise'], /"nobody" is no shard/],
  [
    'a number that was read inexactly',
    {...byNumber, ranges: [{below: 2 ** 60, shard: 'a'}, {shard: 'b'}]},
    ['ranges.0.below'],
    /cannot be read exactly/,
  ],
  [
    'negative and broken numbers',
    {...byNumber, ranges: [{below: -5, shard: 'a'}, {below: '1.5', shard: 'b'}, {shard: 'c'}]},
    ['ranges.0.below', 'ranges.1.below'],
    /"-5" is not a whole number/,
  ],
  ['an expression without a group', {...byNumber, extract: '\\d+'}, ['extract'], /exactly one group, and .* has 0/],
  ['an expression with two groups', {...byNumber, extract: '(a)(\\d+)'}, ['extract'], /has 2/],
  ['no expression', {...byNumber, extract: '(\\d+'}, ['extract'], /not a regular expression/],
  ['an expression cut short', {...byNumber, extract: '(\\d+)\\'}, ['extract'], /not a regular expression/],
  ['characters beyond ASCII in it', {...byNumber, extract: '^é(\\d+)'}, ['extract'], /as \\xNN/],
  ['no ranges', {ranges: []}, ['ranges'], /at least one range/],
  ['ranges missing', {}, ['ranges'], /Scheme range needs "ranges"/],
  [
    'a wrong key in a range',
    {ranges: [{belo: 'g', shard: 'a'}, {shard: 'b'}]},
    ['ranges.0.belo'],
    /no option "belo"\. Did you mean "below"\?/,
  ],
  ['a wrong kind', {...byBytes, by: 'numbers'}, ['by'], /Did you mean "number"\?/],
];
for (const [title, placement, paths, message] of refused)
  test(`refuses ${title}`, () => {
    const given = Object.fromEntries(
      Object.entries({scheme: 'range', ...placement}).filter(([, value]) => value !== undefined),
    );
    const refusal = refusalOf(given, shards);
    assert.equal(
      refusal.paths,
      paths.map((path) => `placement.${path}`),
    );
    assert.match(refusal.message, message);
  });

test('a shard that only owns the rest is not without keys', () => {
  const placement = placed({scheme: 'range', by: 'number', otherwise: 'rest', ranges: [{shard: 'a'}]}, ['a', 'rest']);
  assert.is(ownerName(placement, 'x'), 'rest');
});

test('weights have no effect, and that is said', () => {
  assert.match(placed(byBytes, [{name: 'a', weight: 2}, 'b', 'c']).warnings[0]!, /weight 2 of shard "a" has no effect/);
});

test.run();
