/** Every code that the sources can show is explained, and every explanation is of a code that they show. */
import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {codes, topics} from '../../src/report/codes/codes.js';
import {repositoryRoot} from '../rig/cli.js';

const test = suite('report/codes');

/** Without the explanations themselves. */
function sourcesOf(...rooms: readonly string[]): string {
  const files = rooms.flatMap((room) =>
    readdirSync(join(repositoryRoot, 'src', room), {recursive: true, encoding: 'utf8'})
      .filter((name) => name.endsWith('.ts') && !name.startsWith(join('report', 'codes')))
      .map((name) => readFileSync(join(repositoryRoot, 'src', room, name), 'utf8')),
  );
  return files.join('\n');
}

/** Where a code is given to somebody: `code: 'X'`, or an argument of one of the functions that make findings, refusals and faults. */
const SHOWN =
  /(?:\b(?:code|name): |\? '[A-Z_]+'\s+: (?='[A-Z]+_)|\b(?:problem|warning|note|say|found|finding|trouble|fault|refuse|object)\(\s*(?:[\w.]+,\s*|\{[^}]*\},\s*){0,2})'([A-Z][A-Z_]{2,})'/g;

function shown(source: string): string[] {
  const found = [...source.matchAll(SHOWN)].map(([, code]) => code!);
  // Of the operating system, and never shown as a code; and the name of a variable of the environment.
  return [...new Set(found)].filter((code) => !/^E[A-Z]+$/.test(code) && code !== 'REDISCLI_AUTH').sort();
}

test('the search finds codes in every form in which they are written', () => {
  const source = `code: 'A_ONE', problem(subject, 'A_TWO', x); warning(\n  {...subject, node},\n  'A_THREE',\n); trouble(\n 'A_FOUR',
    fault('A_FIVE'), {codes: /x/, name: 'A_SIX'}; if (code === 'NOT_SHOWN') call('NEITHER'); code: 'ECONNRESET',
    code: isSo ? 'A_ONE'
      : 'A_SEVEN'`;
  assert.equal(shown(source), ['A_FIVE', 'A_FOUR', 'A_ONE', 'A_SEVEN', 'A_SIX', 'A_THREE', 'A_TWO']);
});

test('every code that is shown is explained', () => {
  const all = shown(sourcesOf(''));
  assert.ok(all.length > 180, `${all.length} found`);
  assert.equal(
    all.filter((code) => !codes.has(code)),
    [],
  );
});

test('every code that is explained is shown, once', () => {
  const source = sourcesOf('');
  assert.equal(
    [...codes.keys()].filter((code) => !source.includes(`'${code}'`)),
    [],
  );
  const names = topics.flatMap((topic) => Object.keys(topic.codes));
  assert.equal(names.length, new Set(names).size);
});

test('each explanation is whole: sentences, one line of title, nothing left to be filled in', () => {
  for (const [code, {title, means, why, fix, verify}] of codes) {
    assert.match(code, /^[A-Z]+(_[A-Z]+)*$/);
    assert.ok(title.length <= 70 && title.endsWith('.'), `${code}: ${title}`);
    for (const text of [means, why, fix, verify]) {
      assert.ok(text.length >= 8 && text.endsWith('.'), `${code}: ${text}`);
      assert.not.match(text, /TODO|XXX|\n/);
    }
  }
});

test.run();
