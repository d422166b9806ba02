import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {tagRule} from '../../src/placement/tag.js';
import {randomKeys} from './random.js';

const test = suite('placement/tag');

/** What `over` shows to the decision, as text; the key lies in the middle of a larger buffer full of braces. */
function decidedBy(rule: string, key: string | Buffer): string {
  const bytes = Buffer.concat([Buffer.from('{x}{'), Buffer.from(key), Buffer.from('}{y}')]);
  let seen = '';
  const length = tagRule(rule)!.over((all, start, end) => {
    seen = Buffer.from(all.subarray(start, end)).toString('latin1');
    return end - start;
  })(bytes, 4, bytes.length - 4);
  assert.is(length, seen.length);
  const view = Buffer.from(tagRule(rule)!.hashed(Buffer.from(key))).toString('latin1');
  assert.is(view, seen, 'hashed() and over() choose the same bytes');
  return seen;
}

const cases: readonly (readonly [rule: string, key: string, decides: string])[] = [
  ['{}', 'plain', 'plain'],
  ['{}', '', ''],
  ['{}', 'user:{42}:cart', '42'],
  ['{}', '{a}b{c}', 'a'],
  ['{}', '{}{x}', '{}{x}'],
  ['{}', 'foo{{bar}}zap', '{bar'],
  ['{}', 'foo{bar', 'foo{bar'],
  ['{}', 'foo}bar{', 'foo}bar{'],
  ['{}', '}a{b}', 'b'],
  ['{}', '{', '{'],
  ['{}', '{}', '{}'],
  ['redis-cluster', 'user:{42}:cart', '42'],
  ['redis-cluster', '{}{x}', '{}{x}'],
  ['none', 'user:{42}:cart', 'user:{42}:cart'],
  ['$$', 'a$b$c', 'b'],
  ['$$', 'a$$c$d$', 'a$$c$d$'],
  ['$$', 'a$b', 'a$b'],
  ['<>', 'a<b>{c}', 'b'],
  ['[]', 'a]b[c]', 'c'],
];
for (const [rule, key, decides] of cases)
  test(`${rule}: ${JSON.stringify(key)} is decided by ${JSON.stringify(decides)}`, () =>
    assert.is(decidedBy(rule, key), decides));

test('the rule written as an expression agrees on random bytes', () => {
  for (const key of randomKeys(5000, 2)) {
    const [, inside] = /^[^{]*\{([^}]*)\}/s.exec(key.toString('latin1')) ?? [];
    assert.is(decidedBy('{}', key), inside ? inside : key.toString('latin1'));
  }
});

test('two printable ASCII characters, redis-cluster or none, and nothing else', () => {
  for (const text of ['', '{', '{}}', 'é', '{\u007d\u0301', 'redis', 'None', '\n\n', '日本'])
    assert.is(tagRule(text), null, JSON.stringify(text));
  assert.is(tagRule('()')?.name, '()');
});

test.run();
