import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {RtopoError} from '../../src/errors.js';
import {ADDRESS_PATTERN, parseAddress, readAddress, readTcpAddress, TCP_PATTERN} from '../../src/topology/address.js';
import {addressText} from '../../src/topology/types.js';

const test = suite('topology/address');

const ACCEPTED: readonly [string, string][] = [
  ['10.0.0.1:6379', '10.0.0.1:6379'],
  ['localhost:1', 'localhost:1'],
  ['Redis-A.Example.COM:65535', 'redis-a.example.com:65535'],
  ['redis_1:6379', 'redis_1:6379'],
  ['10-0-0-1.internal.:6379', '10-0-0-1.internal.:6379'],
  ['1password:6379', '1password:6379'],
  ['[::1]:6379', '[::1]:6379'],
  ['[2001:DB8:0:0::1]:6379', '[2001:db8::1]:6379'],
  ['redis://10.0.0.1:6379', '10.0.0.1:6379'],
  ['redis://[::1]:6379/', '[::1]:6379'],
  ['valkey://cache:7000', 'cache:7000'],
  ['/run/redis.sock', 'unix:/run/redis.sock'],
  ['unix:/run/redis-1/a+b_c.sock', 'unix:/run/redis-1/a+b_c.sock'],
  [`/${'a'.repeat(106)}`, `unix:/${'a'.repeat(106)}`],
];

const NO_PORT = 'write host:port, for example 10.0.0.1:6379';
const LOGIN =
  'a user name or password is not part of an address: declare auth with passwordEnv, passwordFile or passwordCommand';
const COLONS = `more than one colon: ${NO_PORT}, and an IPv6 host goes in brackets: [2001:db8::1]:6379`;
const SOCKET = `a Unix socket is its absolute path, and no address that other servers can dial: ${NO_PORT}`;
const SOCKET_PATH =
  'the path of a Unix socket is absolute, made of letters, digits, ".", "_", "+" and "-", without empty parts and ".."';
const PATH = `more than a host and a port: a path or a database number is not part of an address; ${NO_PORT}`;

const REFUSED: readonly [string, string][] = [
  ['', `empty: ${NO_PORT}`],
  ['10.0.0.1', `"10.0.0.1" has no port: ${NO_PORT}`],
  ['redis://10.0.0.1', `"10.0.0.1" has no port: ${NO_PORT}`],
  ['[::1]', `"[::1]" has no port: ${NO_PORT}`],
  [':6379', `no host: ${NO_PORT}`],
  ['h:0777', 'the port "0777" has a leading zero: write "777"'],
  ['h:0', 'the port "0" is not a number from 1 to 65535'],
  ['h:65536', 'the port "65536" is not a number from 1 to 65535'],
  ['h:99999999999999999999', 'the port "99999999999999999999" is not a number from 1 to 65535'],
  ['h:', `the port is not a number: ${NO_PORT}`],
  ['h:+1', `the port is not a number: ${NO_PORT}`],
  ['h:1e3', `the port is not a number: ${NO_PORT}`],
  ['h:0x1', `the port is not a number: ${NO_PORT}`],
  ['h:６３', `the port is not a number: ${NO_PORT}`],
  ['ops:hunter2', `the port is not a number: ${NO_PORT}`],
  ['::1:6379', COLONS],
  ['10.0.0.1:6379:hunter2', COLONS],
  ['[::1:6379', COLONS],
  ['[10.0.0.1]:6379', '"[10.0.0.1]" is not an IPv6 address in brackets, for example [2001:db8::1]:6379'],
  ['[fe80::1%eth0]:6379', '"[fe80::1%eth0]" is not an IPv6 address in brackets, for example [2001:db8::1]:6379'],
  [
    '10.0.0.256:6379',
    'the host "10.0.0.256" is not an IPv4 address: four numbers from 0 to 255, without leading zeros',
  ],
  ['010.0.0.1:6379', 'the host "010.0.0.1" is not an IPv4 address: four numbers from 0 to 255, without leading zeros'],
  ['10.1:6379', 'the host "10.1" is not an IPv4 address: four numbers from 0 to 255, without leading zeros'],
  ['a b:6379', `the host "a b" holds more than letters, digits, ".", "_" and "-": ${NO_PORT}`],
  ['a\r\nb:6379', `the host "a\\x0d\\x0ab" holds more than letters, digits, ".", "_" and "-": ${NO_PORT}`],
  ['bücher:6379', `the host "bücher" holds more than letters, digits, ".", "_" and "-": ${NO_PORT}`],
  ['-a:6379', `the host "-a" begins with "-": ${NO_PORT}`],
  [`${'a'.repeat(254)}:6379`, 'the host is longer than the 253 characters of a DNS name'],
  ['redis://ops:hunter2@10.0.0.1:6379', LOGIN],
  ['redis://:hunter2@10.0.0.1:6379', LOGIN],
  ['hunter2@10.0.0.1:6379', LOGIN],
  ['redis://10.0.0.1:6379/1', PATH],
  ['10.0.0.1:6379/0', PATH],
  ['10.0.0.1:6379/', PATH],
  ['rediss://10.0.0.1:6379', `TLS is declared with the key tls, not in the address: ${NO_PORT}`],
  ['http://10.0.0.1:6379', `this kind of URL is not supported: ${NO_PORT}`],
  ['unix:run/redis.sock', SOCKET],
  ['./redis.sock', SOCKET],
  ['/run/../etc/redis.sock', SOCKET_PATH],
  ['/run//redis.sock', SOCKET_PATH],
  ['/run/redis.sock/', SOCKET_PATH],
  ['unix:/run/re dis.sock', SOCKET_PATH],
  ['/run/a,b', SOCKET_PATH],
  [`/${'a'.repeat(107)}`, 'the path of a Unix socket has at most 107 bytes'],
];

test('what other servers dial is no socket', () => {
  for (const text of ['/run/redis.sock', 'unix:/run/redis.sock']) {
    const reading = readTcpAddress(text);
    assert.is(reading.ok || reading.problem, SOCKET);
    assert.not.match(text, TCP_PATTERN);
  }
});

for (const [text, expected] of ACCEPTED) {
  test(`accepts ${text}`, () => {
    const reading = readAddress(text);
    assert.is(reading.ok && addressText(reading.address), expected);
    assert.match(text, ADDRESS_PATTERN);
    assert.is(addressText(parseAddress(addressText(parseAddress(text)))), expected);
  });
}

for (const [text, problem] of REFUSED) {
  test(`refuses ${JSON.stringify(text)}`, () => {
    assert.equal(readAddress(text), {ok: false, problem});
    // The pattern of the JSON Schema cannot judge IPv6 in full; it agrees on everything else.
    assert.is(ADDRESS_PATTERN.test(text), text === '[10.0.0.1]:6379', 'verdict of the JSON Schema pattern');
    assert.not.match(problem, 'hunter2');
  });
}

test('on the command line a bad address is wrong usage and names its flag', () => {
  try {
    parseAddress('10.0.0.1', '--to');
    assert.unreachable();
  } catch (error) {
    assert.instance(error, RtopoError);
    assert.is((error as RtopoError).exit, 64);
    assert.is((error as RtopoError).code, 'ADDRESS_INVALID');
    assert.is((error as RtopoError).message, `--to: "10.0.0.1" has no port: ${NO_PORT}.`);
  }
});

test('every port has one spelling', () => {
  for (let port = 0; port <= 70_000; port += 1) {
    const isPort = port >= 1 && port <= 65_535;
    assert.is(readAddress(`h:${port}`).ok, isPort, `${port}`);
    assert.is(ADDRESS_PATTERN.test(`h:${port}`), isPort, `${port}`);
  }
});

test.run();
