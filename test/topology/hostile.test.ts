/** Files that want to harm: bombs, depth, prototypes, secrets on their way into a log, and everything a fuzzer finds. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {escapeText, RtopoError} from '../../src/errors.js';
import {parseTopology} from '../../src/topology/parse.js';
import {accepted, failureOf} from './failure.js';
import {MUTABLE, mutated, seeded} from './mutate.js';

const test = suite('topology/hostile');

const ONE = 'version: 1\nname: x\nshards: [{name: a, master: "h:1"}]\n';

/** Time that this process worked, so that a busy machine fails no test. */
const cpuMs = () => {
  const {user, system} = process.cpuUsage();
  return (user + system) / 1000;
};

const lines = (count: number, line: (i: number) => string) => Array.from({length: count}, (_, i) => line(i)).join('\n');

/** Inputs that make a naive reader overflow its stack, fill the memory or run for minutes. */
const BOMBS: readonly (readonly [string, string, RegExp])[] = [
  ['20 000 brackets', '['.repeat(20_000), /^r:1:64: This is nested more than 64 levels deep/],
  ['20 000 closed brackets', `${'['.repeat(20_000)}${']'.repeat(20_000)}`, /nested more than 64 levels/],
  ['braces', '{a: '.repeat(100_000), /nested more than 64 levels/],
  ['dashes', '- '.repeat(250_000), /nested more than 64 levels/],
  ['question marks', '? '.repeat(250_000), /nested more than 64 levels/],
  ['keys in one line', 'a: '.repeat(100_000), /./],
  ['indentation', lines(1300, (i) => `${' '.repeat(i)}a:`), /nested more than 64 levels/],
  ['a list of numbers', `${ONE}x: [${'1,'.repeat(400_000)}]`, /more than 100000 YAML tokens/],
  ['keys', lines(80_000, (i) => `k${i}: 1`), /more than 100000 YAML tokens/],
  ['13 000 unknown keys', ONE + lines(13_000, (i) => `k${i}: 1`), /… and 12980 more$/],
  ['12 000 equal keys', ONE + lines(12_000, () => 'k: 1'), /… and \d+ more$/],
  ['20 000 empty shards', `version: 1\nname: x\nshards: [${'[],'.repeat(20_000)}]`, /… and \d+ more$/],
  [
    '4 000 lost replicas',
    `version: 1\nname: x\nshards:\n- name: a\n  master: h:1\n  replicas:\n${lines(4000, (i) => `  - {address: "h${i}:1", of: "g${i}:1"}`)}`,
    /… and \d+ more$/,
  ],
  ['comments', '#\n'.repeat(400_000), /YAML tokens/],
  ['documents', '---\na\n'.repeat(100_000), /A second YAML document/],
  ['quotes', '"'.repeat(100_000), /Not valid YAML/],
  ['anchors', '&a '.repeat(100_000), /YAML/],
  ['tags', '!a '.repeat(100_000), /YAML/],
  ['closing brackets', ']'.repeat(100_000), /YAML/],
  ['login-like URLs', `${ONE}node: "${'redis://'.repeat(100_000)}"`, /./],
  ['a long name', `version: 1\nname: ${'ab '.repeat(300_000)}\n`, /a name is 1 to 63/],
  [
    'a long address',
    `version: 1\nname: x\nshards: [{name: a, master: "${'a.'.repeat(400_000)}:1"}]`,
    /longer than the 253/,
  ],
  ['a long command', `${ONE}auth: {passwordCommand: "${' '.repeat(900_000)}"}`, /the command is empty/],
  ['more than 1 MB', `${ONE}# ${'x'.repeat(1_048_576)}`, /larger than 1 MB/],
  [
    '9^9 by aliases',
    `a: &a [1,1,1,1,1,1,1,1,1]\n${'bcdefghi'
      .split('')
      .map((key, i) => `${key}: &${key} [${`*${'abcdefgh'[i]},`.repeat(9)}]`)
      .join('\n')}`,
    /More than 100 aliases/,
  ],
  ['20 000 aliases', `${ONE}x: &a 1\ny: [${'*a,'.repeat(20_000)}]`, /More than 100 aliases/],
];

for (const [title, text, expected] of BOMBS) {
  test(`${title}: refused within a second or so`, () => {
    const begin = cpuMs();
    const {message} = failureOf(text);
    const tookMs = cpuMs() - begin;
    assert.match(message, expected);
    assert.ok(message.length < 10_000, `message of ${message.length} characters`);
    // Generous, for slow machines: the point is that it is not minutes.
    assert.ok(tookMs < 4000, `${tookMs} ms`);
  });
}

test('prototypes cannot be reached through any key', () => {
  const keys = ['__proto__', 'constructor', 'prototype', '"__proto__"', "'constructor'", '? __proto__\n'];
  for (const key of keys) {
    failureOf(`${ONE}${key}: {polluted: 1}\n`);
    failureOf(
      `version: 1\nname: x\nplacement: {scheme: x, deep: {${key.replace('\n', ' ')}: {polluted: 1}}}\nshards: [{name: a, master: "h:1"}]\n`,
    );
  }
  assert.is(({} as Record<string, unknown>).polluted, undefined);
  const {options} = accepted(
    'version: 1\nname: x\nplacement: {scheme: x, toString: 1, hasOwnProperty: 2}\nshards: [{name: a, master: "h:1"}]',
    'r',
  ).topology.placement!;
  assert.equal(Object.keys(options), ['toString', 'hasOwnProperty']);
  assert.is(Object.getPrototypeOf(options), Object.prototype);
});

const CANARY = 'Tr0ub4dor-3';
const SECRETS = [
  'password: CANARY',
  'auth: CANARY',
  'auth: [CANARY]',
  'auth: {CANARY}',
  'auth: {CANARY: }',
  'auth: {CANARY: 1, CANARY: 2}',
  'auth: {ops: CANARY}',
  'auth: {username: ops, password: CANARY}',
  'auth: {username: ops, pasword: CANARY}',
  'auth: {username: "ops CANARY"}',
  'auth: {passwordEnv: "CANARY"}',
  'auth: {passwordEnv: {CANARY: 1}}',
  'auth: {passwordEnv: [CANARY]}',
  'auth: {passwordEnv: P, passwordFile: ~CANARY}',
  'auth: {passwordCommand: "CANARY\\0"}',
  'replicationAuth: CANARY',
  'masterauth: CANARY',
  'requirepass: CANARY',
  'token: CANARY',
  'password: !CANARY x',
  'password: *CANARY',
  'auth: *CANARY',
  'password: &CANARY x',
  'password: @CANARY',
  'password: %CANARY',
  'password: `CANARY',
  'password: "CANARY',
  "password: 'CANARY",
  'password: |CANARY',
  'password: >CANARY\n x',
  'password: [CANARY',
  'password: {CANARY',
  'password: CANARY: x',
  'password: "CANARY" x',
  'password: "CANARY\\q"',
  'password: \tCANARY',
  'password:CANARY',
  'password CANARY',
  '"redis://u:CANARY@h:1": 1',
  '"redis://u:CANARY@h:1": 1\n"redis://u:CANARY@h:1": 2',
  'placement: {scheme: x, url: "https://u:CANARY@h/x"}',
  'placement: {scheme: x, list: [{a: "redis://:CANARY@h:1"}]}',
  'placement: {scheme: "redis://:CANARY@h:1"}',
  'version: "redis://:CANARY@h:1"',
  'shards: "redis://:CANARY@h:1"',
  ...[
    'redis://:CANARY@h:1',
    'redis://u:CANARY@h:1',
    'CANARY@h:1',
    'u:CANARY@h:1',
    'u:CANARY',
    'h:1:CANARY',
    'valkeys://u:CANARY@h:1',
    'ftp://u:CANARY@h:1',
  ].flatMap((text) => [
    `shards: [{name: a, master: "${text}"}]`,
    `shards: [{name: a, master: "h:1", replicas: [{address: "h:2", of: "${text}"}]}]`,
    `shards: [{name: a, master: {address: "h:1", peer: "${text}"}}]`,
  ]),
  'shards: [{name: a, master: "h:1", node: "redis://:CANARY@h:1/0"}]',
  'shards: [{name: a, master: {address: "h:1", auth: CANARY}}]',
  'shards: [{name: a, master: {address: "h:1", auth: {passwordEnv: "CANARY"}}}]',
  'shards: [{name: a, master: {address: "h:1", password: CANARY}}]',
];

for (const secret of SECRETS) {
  test(`no error repeats the secret of ${JSON.stringify(secret)}`, () => {
    const own = secret.replaceAll('CANARY', CANARY);
    const text = secret.startsWith('version') ? own : `version: 1\nname: x\n${own}\n`;
    const error = failureOf(text);
    const shown = [error.message, error.remedy, error.stack, JSON.stringify(error.details), String(error.cause)].join(
      '\n',
    );
    assert.not.match(shown, new RegExp(CANARY, 'i'));
  });
}

test('mutated files are read or refused, never anything else, each within a second', () => {
  const random = seeded(Number(process.env.RTOPO_FUZZ_SEED ?? 20_260_101));
  let refused = 0;
  const rounds = Number(process.env.RTOPO_FUZZ_ROUNDS ?? 2000);
  for (let i = 0; i < rounds; i += 1) {
    const text = mutated(MUTABLE[i % MUTABLE.length]!, random);
    const begin = cpuMs();
    try {
      parseTopology(text, 'r');
    } catch (error) {
      refused += 1;
      const told = `round ${i}: ${JSON.stringify(text)}`;
      if (!(error instanceof RtopoError)) {
        throw new Error(`${told}\n${(error as Error).stack}`);
      }
      assert.is(error.code, 'TOPOLOGY_INVALID', told);
      for (const line of error.message.split('\n')) {
        assert.is(escapeText(line), line, told);
      }
      const count = text.split('\n').length;
      for (const {line, column} of error.details!.problems as {line: number; column: number}[]) {
        assert.ok(line >= 1 && line <= count && column >= 1 && column <= text.length + 1, told);
      }
    }
    assert.ok(cpuMs() - begin < 1000, `round ${i} was slow`);
  }
  assert.ok(refused > rounds / 3 && refused < rounds, `${refused} of ${rounds} refused`);
});

test.run();
