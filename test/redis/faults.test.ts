/** Every failure has a stable code, an exit code, and no secret in it. */
import {inspect} from 'node:util';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {rememberSecret} from '../../src/errors.js';
import {grantFor, networkFault, replyFault, timeoutFault} from '../../src/redis/faults.js';

const test = suite('redis/faults');
const at = {host: '2001:db8::1', port: 6379};

const replies: readonly [string, string, number][] = [
  ['NOAUTH Authentication required.', 'AUTH_REQUIRED', 5],
  ['WRONGPASS invalid username-password pair or user is disabled.', 'AUTH_FAILED', 5],
  ['ERR invalid password', 'AUTH_FAILED', 5],
  ['ERR AUTH <password> called without any password configured for the default user.', 'AUTH_FAILED', 5],
  ['ERR Client sent AUTH, but no password is set', 'AUTH_FAILED', 5],
  ["NOPERM User repl has no permissions to run the 'info' command", 'NO_PERMISSION', 5],
  ['DENIED Redis is running in protected mode', 'PROTECTED_MODE', 5],
  ['LOADING Redis is loading the dataset in memory', 'LOADING', 5],
  ['BUSY Redis is busy running a script.', 'BUSY', 5],
  ["MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", 'MASTERDOWN', 5],
  ['MISCONF Errors writing to the AOF file', 'MISCONF', 1],
  ["READONLY You can't write against a read only replica.", 'READONLY', 1],
  ['NOREPLICAS Not enough good replicas to write.', 'NOREPLICAS', 1],
  ["OOM command not allowed when used memory > 'maxmemory'.", 'OOM', 1],
  ['ERR max number of clients reached', 'MAX_CLIENTS', 5],
  ['toString', 'SERVER_ERROR', 1],
];
for (const [reply, code, exit] of replies) {
  test(`reply ${reply.slice(0, 40)}`, () => {
    const fault = replyFault(at, reply, 'INFO');
    assert.equal([fault.code, fault.exit, fault.details?.reply], [code, exit, reply]);
    assert.is(fault.message, `[2001:db8::1]:6379 refused INFO: ${reply}`);
  });
}

const errnos: readonly [string | undefined, string][] = [
  ['ECONNREFUSED', 'CONNECTION_REFUSED'],
  ['ENOTFOUND', 'DNS_FAILED'],
  ['EAI_AGAIN', 'DNS_FAILED'],
  ['EHOSTUNREACH', 'NO_ROUTE'],
  ['ENETUNREACH', 'NO_ROUTE'],
  ['ETIMEDOUT', 'TIMEOUT'],
  ['ECONNRESET', 'CONNECTION_LOST'],
  ['EPIPE', 'CONNECTION_LOST'],
  [undefined, 'CONNECTION_LOST'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'TLS_FAILED_CA'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'TLS_FAILED_CA'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'TLS_FAILED_CA'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'TLS_FAILED_CA'],
  ['CERT_HAS_EXPIRED', 'TLS_FAILED_EXPIRED'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'TLS_FAILED_NAME'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'TLS_FAILED'],
  ['EPROTO', 'TLS_FAILED'],
];
for (const [code, expected] of errnos) {
  test(`network ${code}`, () => {
    const fault = networkFault(at, {code, message: 'x'}, 'INFO');
    assert.equal([fault.code, fault.exit], [expected, 5]);
    assert.match(fault.message, '[2001:db8::1]:6379');
  });
}

const grants: readonly [string, string | null][] = [
  ["NOPERM User repl has no permissions to run the 'config|get' command", 'ACL SETUSER repl +config|get'],
  ["NOPERM this user has no permissions to run the 'INFO' command or its subcommand", 'ACL SETUSER default +info'],
  ['NOPERM No permissions to access a key', null],
];
for (const [reply, grant] of grants) {
  test(`what a refused command takes: ${reply}`, () => {
    assert.is(grantFor(reply), grant);
    const {remedy} = replyFault(at, reply, 'INFO');
    assert.is(remedy, grant ?? 'grant the command to this user with ACL SETUSER');
  });
}

test('a time limit is told, and that its outcome is a matter of the server', () => {
  assert.match(timeoutFault(at, 'INFO', 700).message, 'did not answer INFO within 700 ms');
});

test('no control characters, no secret, and no library error with its arguments inside', () => {
  rememberSecret('hunter2-very-secret');
  const fault = replyFault(at, 'ERR bad \x1b[31m\r\n hunter2-very-secret', 'AUTH');
  assert.is(fault.message, '[2001:db8::1]:6379 refused AUTH: ERR bad \\x1b[31m\\x0d\\x0a [secret]');
  const cause = Object.assign(new Error('hunter2-very-secret'), {command: {args: ['hunter2-very-secret']}});
  for (const one of [fault, networkFault(at, cause, 'AUTH'), networkFault(at, {...cause, code: 'EPROTO'}, 'AUTH')])
    assert.not.match(inspect(one, {depth: 9}), 'hunter2-very-secret');
});

test.run();
