/** Who may be dialled although only a server named him: exactly what the operator confirmed. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {RtopoError} from '../../src/errors.js';
import {FollowRules} from '../../src/topology/follow-rules.js';

const test = suite('topology/follow-rules');

/** Hosts as `readAddress` spells them. */
const cases: readonly [string[], string[], string[]][] = [
  [[], [], ['10.0.0.1', '127.0.0.1', 'localhost', '::1']],
  [['10.0.0.0/24'], ['10.0.0.0', '10.0.0.1', '10.0.0.255', '::ffff:a00:1'], ['10.0.1.0', '9.255.255.255', '11.0.0.1']],
  [['10.0.0.77/24'], ['10.0.0.1'], ['10.0.1.1']],
  [['10.0.0.1'], ['10.0.0.1', '::ffff:a00:1'], ['10.0.0.2']],
  [['10.0.0.1/32'], ['10.0.0.1'], ['10.0.0.2', '10.0.0.0']],
  [['2001:db8::/64'], ['2001:db8::1', '2001:db8::ffff:1'], ['2001:db8:0:1::1', '10.0.0.1', '2001:db7::1']],
  [['[2001:db8::]/64'], ['2001:db8::1'], []],
  [['2001:db8::7'], ['2001:db8::7'], ['2001:db8::8']],
  [['2001:db8::7/128'], ['2001:db8::7'], ['2001:db8::8']],
  // A network never means loopback, nobody, everybody or many.
  [
    ['64.0.0.0/2', '192.0.0.0/2', '1::/1', '8000::/1'],
    ['100.0.0.1', '192.168.1.1', '64:ff9b::1', 'fd00::1'],
    [
      '127.0.0.1',
      '127.9.9.9',
      '0.0.0.0',
      '224.0.0.1',
      '255.255.255.255',
      '::',
      '::1',
      'ff02::1',
      '::ffff:7f00:1',
      'localhost',
    ],
  ],
  [['127.0.0.1'], ['127.0.0.1', '::ffff:7f00:1'], ['127.0.0.2', 'localhost', '::1']],
  [['::1', 'localhost'], ['::1', 'localhost', 'LOCALHOST'], ['127.0.0.1']],
  // Names are not resolved to find out.
  [
    ['10.0.0.0/8', 'db1.internal'],
    ['db1.internal', 'DB1.internal'],
    ['db2.internal', 'db1.internal.evil.com', 'internal'],
  ],
];
for (const [rules, allowed, refused] of cases) {
  test(`--follow ${rules.join(' --follow ')}`, () => {
    const {allows} = {allows: (host: string) => new FollowRules(rules).allows({host, port: 6379})};
    for (const host of allowed) assert.ok(allows(host), `${host} should be allowed`);
    for (const host of refused) assert.not.ok(allows(host), `${host} should be refused`);
  });
}

test('what is no rule is wrong usage, and nothing is guessed', () => {
  for (const rule of [
    '',
    '/',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0/24',
    '10.0.0.0/24/1',
    '0.0.0.0/0',
    '::/0',
    '2001:db8::/129',
    '10.0.0.0/-1',
    '10.0.0.0/0x8',
    '127.0.0.0/8',
    '::1/120',
    '224.0.0.0/8',
    'a b',
    'host:6379',
    'host/24',
    '10.0.0.1:6379',
    'evil\u001b[2J',
    '*',
    '10.0.0.*',
  ]) {
    try {
      new FollowRules([rule]);
    } catch (error) {
      assert.instance(error, RtopoError);
      assert.is((error as RtopoError).exit, 64);
      assert.not.match((error as RtopoError).message, '\u001b');
      continue;
    }
    assert.unreachable(`${JSON.stringify(rule)} was taken`);
  }
});

test.run();
