import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {type Dialect, patternRule, translate} from '../../src/placement/pattern.js';
import {Problems} from '../../src/placement/problems.js';
import {plainKeys, randomKeys} from './random.js';
import {placed, refusalOf} from './topologies.js';

const test = suite('placement/pattern');

/** What a pattern picks out of a key, the whole key when it does not match. */
function tagOf(pattern: string, dialect: Dialect, key: string | Buffer): string {
  const rule = patternRule('tag', pattern, dialect, new Problems());
  assert.ok(rule !== null, pattern);
  const bytes = Buffer.from(key);
  const shown = Buffer.from(rule.hashed(bytes)).toString('latin1');
  // The hot path picks the same, wherever the key lies.
  const around = Buffer.concat([Buffer.from('{q}'), bytes, Buffer.from('{r}')]);
  let hot = '';
  rule.over((all, start, end) => {
    hot = Buffer.from(all.subarray(start, end)).toString('latin1');
    return 0;
  })(around, 3, 3 + bytes.length);
  assert.is(hot, shown);
  return shown;
}

test('Ruby: ^ and $ at every line feed and nowhere else, . is all but a line feed', () => {
  assert.is(tagOf('^\\{(.+?)\\}', 'ruby', 'a\n{b}c'), 'b');
  assert.is(tagOf('^\\{(.+?)\\}', 'ruby', 'a\r{b}c'), 'a\r{b}c');
  assert.is(tagOf('\\{(.+)\\}', 'ruby', '{a\rb}'), 'a\rb');
  assert.is(tagOf('\\{(.+)\\}', 'ruby', '{a\nb}'), '{a\nb}');
  assert.is(tagOf('(\\w+)$', 'ruby', 'one\ntwo'), 'one');
  assert.is(tagOf('\\A(\\w)', 'ruby', 'xy\nz'), 'x');
  assert.is(tagOf('(\\h+):', 'ruby', 'zz0Af:'), '0Af');
});

test('Java: ^ at the beginning only, . excludes every line end, bytes that are no text have no tag', () => {
  assert.is(tagOf('^(\\w)', 'java', 'a\nb'), 'a');
  assert.is(tagOf('\\n^(\\w)', 'java', 'a\nb'), 'a\nb');
  for (const end of ['\n', '\r', '\u0085', '\u2028', '\u2029']) {
    const key = `{a${end}b}`;
    assert.is(tagOf('\\{(.+?)\\}', 'java', key), Buffer.from(key).toString('latin1'));
  }
  assert.is(tagOf('\\{(.+?)\\}', 'java', '{}{x}'), '}{x');
  assert.is(tagOf('(b)$', 'java', 'ab\n'), 'b');
  const bytes = Buffer.from([0xff, 0x7b, 0x61, 0x7d]);
  assert.is(tagOf('\\{(.+?)\\}', 'java', bytes), bytes.toString('latin1'));
  assert.is(tagOf('\\{(.+?)\\}', 'ruby', bytes), 'a');
});

test('groups are found by bytes, also behind characters of several', () => {
  assert.is(tagOf('é{2}\\{(.)\\}', 'ruby', 'éé{ü}x'), Buffer.from('ü').toString('latin1'));
  assert.is(tagOf('^([^:]+):', 'java', '😀😀:x'), Buffer.from('😀😀').toString('latin1'));
});

test('what the languages do not share, and what is no single group, is refused', () => {
  for (const [pattern, why] of [
    ['(a)(b)', /exactly one group, and has 2/],
    ['a+', /exactly one group, and has 0/],
    ['(a', /not a regular expression/],
    ['(a*+)', /not understood/],
    ['(?i)(a)', /not understood/],
    ['(?<tag>a)', /not understood/],
    ['\\p{Alpha}(a)', /not understood/],
    ['([[:alpha:]])', /not understood/],
    ['(\\R)', /not understood/],
  ] as const) {
    const result = translate(pattern, 'ruby');
    assert.ok(typeof result !== 'string', pattern);
    assert.match(result.problem, why);
  }
  assert.equal(refusalOf({scheme: 'redis-rb', tag: '(a)(b)'}, ['a', 'b']).paths, ['placement.tag']);
  assert.equal(refusalOf({scheme: 'jedis', keyTagPattern: '('}, ['a', 'b']).paths, ['placement.keyTagPattern']);
});

test("redis-rb's default, written by hand, is its regular expression", () => {
  const fast = placed({scheme: 'redis-rb'}, ['a', 'b', 'c']);
  const same = placed({scheme: 'redis-rb', tag: '^\\{(.{1,}?)\\}'}, ['a', 'b', 'c']);
  const edges = ['{}x', '{}}x', '{a', '\n{a}', 'x\n{}\n{b}', '{a\n}', '\n\n{\n}{c}', '{'].map((text) =>
    Buffer.from(text),
  );
  for (const key of [...edges, ...randomKeys(4000, 51), ...plainKeys(200, 52)])
    assert.ok(Buffer.from(fast.hashedPart(key)).equals(Buffer.from(same.hashedPart(key))), key.toString('base64'));
});

test.run();
