/** Every mistake that a topology file can hold: what is said, and at which line and column. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {failureOf} from './failure.js';
import {ADVICE, EXAMPLE, HEAD, MISTAKES, ONE} from './mistakes.js';
import {SHARD_MISTAKES} from './mistakes-shards.js';

const test = suite('topology/parse-errors');

for (const [title, text, ...lines] of [...MISTAKES, ...SHARD_MISTAKES]) {
  test(title, () => {
    const error = failureOf(text);
    assert.equal(
      error.message.split('\n'),
      lines.map((line) => `r:${line}`),
    );
    assert.is(error.code, 'TOPOLOGY_INVALID');
    assert.is(error.exit, 78);
  });
}

test('all problems of a file are said at once, in its order, as text and as data', () => {
  const error = failureOf(
    'version: 1\nnane: x\nauth: {password: hunter2}\nshards:\n  - name: a\n    master: h\n    wieght: 2\n',
    'conf/rtopo.yml',
  );
  assert.equal(error.message.split('\n'), [
    'conf/rtopo.yml:1:1: The topology has no key "name": a name such as cache.',
    'conf/rtopo.yml:2:1: Unknown key "nane"; did you mean "name"?',
    `conf/rtopo.yml:3:8: The key "password" would put a secret here: ${ADVICE}`,
    `conf/rtopo.yml:6:13: shards[0].master: "h" has no port: ${EXAMPLE}`,
    'conf/rtopo.yml:7:5: Unknown key "wieght" in shards[0]; did you mean "weight"?',
  ]);
  assert.is(error.remedy, 'Put the password into an environment variable and write passwordEnv: NAME_OF_THE_VARIABLE.');
  assert.equal((error.details!.problems as unknown[])[1], {
    file: 'conf/rtopo.yml',
    line: 2,
    column: 1,
    message: 'Unknown key "nane"; did you mean "name"?',
    path: ['nane'],
  });
});

test('positions are the same with byte order mark and with CRLF', () => {
  const text = `${HEAD}shards:\n  - {name: a, master: "h:0"}\n`;
  const {message} = failureOf(text);
  assert.is(message, 'r:4:23: shards[0].master: the port "0" is not a number from 1 to 65535.');
  assert.is(failureOf(`\ufeff${text}`).message, message);
  assert.is(failureOf(text.replaceAll('\n', '\r\n')).message, message);
  assert.equal(failureOf('\ufeffvresion: 1').message.split('\n'), [
    'r:1:1: Unknown key "vresion"; did you mean "version"?',
    'r:1:1: The topology has no key "version": write `version: 1`.',
    'r:1:1: The topology has no key "name": a name such as cache.',
    'r:1:1: The topology has no key "shards": the list of shards.',
  ]);
});

test('after twenty problems the rest is counted', () => {
  const error = failureOf(`${HEAD}${ONE}\n${Array.from({length: 33}, (_, i) => `zone${i}: x\n`).join('')}`);
  const lines = error.message.split('\n');
  assert.is(lines.length, 21);
  assert.is(lines[20], '… and 13 more');
  assert.is((error.details!.problems as unknown[]).length, 20);
  assert.is(error.details?.more, 13);
});

test('the name of the file is escaped too', () => {
  assert.match(failureOf('', 'a\u001b[2J.yml').message, /^a\\x1b\[2J\.yml:1:1: /);
});

test.run();
