import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {canReadSnapshotOf, rdbVersion} from '../../src/replication/versions.js';

const test = suite('replication/versions');

function release(text: string) {
  const [server, version] = text.split(' ') as ['redis' | 'valkey', string];
  return {server, version};
}

const versions: readonly [string, number | null][] = [
  ['redis 4.0.14', null],
  ['redis 5.0.0', 9],
  ['redis 6.2.14', 9],
  ['redis 7.0.15', 10],
  ['redis 7.2.4', 11],
  ['redis 7.4.0', 12],
  ['redis 8.2.1', 12],
  ['valkey 7.2.5', 11],
  ['valkey 8.1.0', 11],
  ['valkey 9.0.0', 80],
];
for (const [text, expected] of versions) {
  test(`snapshot version of ${text}`, () => assert.is(rdbVersion(release(text)), expected));
}

const pairs: readonly [string, string, boolean][] = [
  ['redis 7.0.15', 'redis 7.0.15', true],
  ['redis 7.2.4', 'redis 6.2.0', true],
  ['redis 6.2.0', 'redis 7.0.15', false],
  ['redis 5.0.0', 'redis 6.2.14', true],
  ['redis 4.0.0', 'redis 5.0.0', false],
  ['valkey 8.0.0', 'redis 7.2.4', true],
  ['valkey 8.0.0', 'redis 7.4.0', false],
  ['valkey 9.0.0', 'redis 7.4.0', false],
  ['valkey 9.0.0', 'redis 7.2.0', true],
  ['valkey 8.0.0', 'valkey 9.0.0', false],
  ['redis 7.2.0', 'valkey 8.1.0', true],
  ['redis 7.0.15', 'valkey 8.1.0', false],
  ['redis 8.0.0', 'valkey 9.0.0', false],
  ['redis unknown', 'redis 7.0.15', true],
  ['redis 7.0.15', 'redis unknown', true],
];
for (const [replica, master, expected] of pairs) {
  test(`${replica} ${expected ? 'can' : 'cannot'} follow ${master}`, () =>
    assert.is(canReadSnapshotOf(release(replica), release(master)), expected));
}

test.run();
