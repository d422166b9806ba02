/** Columns of a terminal, not letters: wide glyphs, marks, colours. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {fitted} from '../../src/cli/live-screen.js';
import {clip, displayWidth, widest} from '../../src/render/width.js';
import {wrapped} from '../../src/render/wrap.js';

const test = suite('render/width');

test('how wide', () => {
  for (const [text, columns] of [
    ['', 0],
    ['abc', 3],
    ['├─ é', 4],
    ['e\u0301', 1],
    ['漢字', 4],
    ['ｶﾞ', 2],
    ['😀', 2],
    ['\u001b[31mred\u001b[39m', 3],
  ] as const)
    assert.is(displayWidth(text), columns, text);
  assert.is(widest('a\n漢\nbc'), 2);
});

test('cut to fit: never wider, never half a glyph, no colour left on', () => {
  assert.is(clip('abc', 3), 'abc');
  assert.is(clip('abcd', 3), 'ab…');
  assert.is(clip('漢字漢', 4), '漢…');
  assert.is(clip('\u001b[31mabcd\u001b[39m', 3), '\u001b[31mab…\u001b[0m');
  for (let columns = 1; columns < 12; columns += 1)
    assert.ok(displayWidth(clip('a漢\u001b[1m字b😀c', columns)) <= columns, `${columns}`);
});

test('sentences are wrapped by columns', () => {
  const text = wrapped('漢字漢字漢字 漢字漢字漢字 abc', 24, 2);
  assert.is(text, '  漢字漢字漢字\n  漢字漢字漢字 abc');
});

test('a page is cut to the window, and says so', () => {
  const lines = ['1', '2', '3', 'a long line'];
  assert.equal(fitted(lines, {columns: 6, rows: 4}), ['1', '2', '3', 'a lon…']);
  const cut = fitted(lines, {columns: 40, rows: 3});
  assert.equal(cut.slice(0, 2), ['1', '2']);
  assert.match(cut[2]!, /^… 2 more lines/);
  assert.is(fitted(lines, {columns: 10, rows: 1}).length, 1);
});

test.run();
