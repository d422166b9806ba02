/** Which keys a command has changed: by the table, against what a real server says of its own commands. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {type CommandFacts, readCommandTable} from '../../src/redis/commands.js';
import {type Effect, effectOf, WRITE_COMMANDS} from '../../src/redis/effects.js';
import {withServers} from '../rig/servers.js';

const test = suite('redis/effects');

/** `written a 3:b`, `deleted a`, `select 3`, `wholesale FLUSHALL`, `none` */
function told(text: string | (string | null)[], table: ReadonlyMap<string, CommandFacts> | null = null): string {
  const words = typeof text === 'string' ? text.split(' ') : text;
  const args = words.map((word) => (word === null ? null : Buffer.from(word, 'latin1')));
  return say(effectOf({argc: args.length, args}, table));
}

function say(effect: Effect): string {
  switch (effect.kind) {
    case 'written':
    case 'deleted':
      return [effect.kind, ...effect.keys.map(({db, key}) => (db === null ? `${key}` : `${db}:${key}`))].join(' ');
    case 'select':
      return `select ${effect.db}`;
    case 'wholesale':
      return `${effect.data ? 'wholesale' : 'library'} ${effect.what}`;
    case 'none':
      return 'none';
  }
}

const known: readonly [string, string][] = [
  ['SET k v', 'written k'],
  ['set k v PXAT 1', 'written k'],
  ['DEL a b', 'deleted a b'],
  ['UNLINK a', 'deleted a'],
  ['MSET a 1 b 2', 'written a b'],
  ['MSETNX a 1', 'written a'],
  ['RENAME a b', 'written a b'],
  ['SMOVE a b m', 'written a b'],
  ['LMOVE a b LEFT RIGHT', 'written a b'],
  ['COPY a b', 'written b'],
  ['COPY a b REPLACE', 'written b'],
  ['COPY a b REPLACE db 5', 'written 5:b'],
  ['COPY a b DB x', 'wholesale COPY'],
  ['MOVE a 4', 'written a 4:a'],
  ['SORT a', 'written'],
  ['SORT a STORE b', 'written b'],
  ['SORT a BY nosort GET STORE GET # store b', 'written b'],
  ['SORT a LIMIT 0 STORE STORE b', 'written b'],
  ['SORT a BY STORE DESC', 'written'],
  ['ZUNIONSTORE d 2 a b', 'written d'],
  ['SINTERSTORE d a b', 'written d'],
  ['GEOSEARCHSTORE d a BYBOX', 'written d'],
  ['GEORADIUS a 1 2 3 km', 'written'],
  ['GEORADIUS a 1 2 3 km COUNT 3 STORE d', 'written d'],
  ['GEORADIUSBYMEMBER a m 3 km STOREDIST d', 'written d'],
  ['BITOP AND d a b', 'written d'],
  ['PFMERGE d a b', 'written d'],
  ['PFCOUNT a', 'written a'],
  ['XGROUP CREATE s g 0', 'written s'],
  ['XGROUP SETID s g 0 ENTRIESREAD 1', 'written s'],
  ['XCLAIM s g c 0 1-1', 'written s'],
  ['XREADGROUP GROUP g c STREAMS s t 1 2', 'written s t'],
  ['BLPOP a b 0', 'written a b'],
  ['LMPOP 2 a b LEFT', 'written a b'],
  ['BZMPOP 0 2 a b MIN', 'written a b'],
  ['MSETEX 2 a 1 b 2 EX 5', 'written a b'],
  ['LMPOP x a', 'wholesale LMPOP'],
  ['SELECT 3', 'select 3'],
  ['SELECT x', 'wholesale SELECT'],
  ['PING', 'none'],
  ['MULTI', 'none'],
  ['REPLCONF GETACK *', 'none'],
  ['PUBLISH c m', 'none'],
  ['FLUSHALL', 'wholesale FLUSHALL'],
  ['SWAPDB 1 2', 'wholesale SWAPDB 1 2'],
  ['EVAL x 1 k', 'wholesale EVAL'],
  ['FUNCTION LOAD x', 'library FUNCTION'],
  ['SCRIPT FLUSH', 'library SCRIPT'],
  ['JSON.SET k $ 1', 'wholesale JSON.SET'],
  ['NEVERHEARDOF secret', 'wholesale NEVERHEARDOF'],
  ['SET', 'wholesale SET'],
  ['COPY a', 'wholesale COPY'],
  ['RENAME a', 'wholesale RENAME'],
  ['LMPOP 999999999 a LEFT', 'wholesale LMPOP'],
  ['GEORADIUS a 1 2 3 km COUNT 3 STORE', 'wholesale GEORADIUS'],
];

for (const [command, effect] of known) test(command, () => assert.is(told(command), effect));

test('a key that was too large to be kept may be any key', () => {
  assert.is(told(['SET', null, 'v']), 'wholesale SET');
  assert.is(told(['SET', 'k', null]), 'written k');
  assert.is(told(['MSET', 'a', '1', null, '2']), 'wholesale MSET');
  assert.is(told(['SORT', 'a', 'STORE', null]), 'wholesale SORT');
  assert.is(told([null]), 'wholesale ?');
  const cut = {argc: 5, args: ['MSET', 'a', '1'].map((word) => Buffer.from(word))};
  assert.is(say(effectOf(cut, null)), 'wholesale MSET');
  const radius = {argc: 400_000, args: 'GEORADIUS a 1 2 3 km'.split(' ').map((word) => Buffer.from(word))};
  assert.is(say(effectOf(radius, null)), 'wholesale GEORADIUS');
  assert.is(told(['\x1b[2J', 'x']), 'wholesale \\x1b[2J');
});

test('a command that is not in the table is looked up in what the server says', () => {
  const spec = (flags: string[], begin: unknown[], find: unknown[]) => [
    'flags',
    flags,
    'begin_search',
    begin,
    'find_keys',
    find,
  ];
  const index = (at: number) => ['type', 'index', 'spec', ['index', at]];
  const range = (last: number, step = 1) => ['type', 'range', 'spec', ['lastkey', last, 'keystep', step, 'limit', 0]];
  const entry = (name: string, specs: unknown[], flags = ['write']) => [name, -2, flags, 1, 1, 1, [], [], specs, []];
  const table = readCommandTable([
    entry('json.set', [spec(['RW', 'access'], index(1), range(0))]),
    entry('m.store', [spec(['RO'], index(2), range(-1)), spec(['OW'], index(1), range(0))]),
    entry('m.lies', [spec(['RO'], index(1), range(0))]),
    entry('m.hides', [spec(['RW', 'incomplete'], index(1), range(0))]),
    entry('m.none', []),
    ['m.old', 3, ['write'], 1, -1, 2],
    ['m.oldmoving', 3, ['write', 'movablekeys'], 1, 1, 1],
    'no entry',
    [],
  ]);
  assert.is(told('JSON.SET k $ 1', table), 'written k');
  assert.is(told('m.store d a b', table), 'written d');
  for (const name of ['m.lies', 'm.hides', 'm.none', 'm.oldmoving']) {
    assert.is(told(`${name} k`, table), `wholesale ${name.toUpperCase()}`, name);
  }
  assert.is(told('m.old a 1 b 2', table), 'written a b');
  assert.is(readCommandTable('nonsense').size, 0);
});

/** Where the table knows better than the server, and why. */
const better = new Map([
  ['copy', 'DB number'],
  ['move', 'it appears in another database'],
  ['sort', 'the server says that it does not know'],
  ['xreadgroup', 'it is called read-only, and moves the group on'],
  ['migrate', 'never handed on as it is'],
]);

test('the table agrees with the server about every command that writes', async () => {
  await withServers(1, async ([server]) => {
    const table = readCommandTable(await server!.raw.cmd('COMMAND'));
    // With a number at every place where a number of keys can stand, and enough arguments for every range.
    const fill = (name: string) => [...name.split('|'), ...Array.from({length: 9}, (_, i) => (i < 3 ? '2' : `k${i}`))];
    const extended = (name: string) => [...fill(name), 'STORE', 'dest', 'STREAMS', 's', '1'];
    let compared = 0;
    for (const [name, {writes, written}] of table) {
      if (!writes) continue;
      assert.ok(WRITE_COMMANDS.has(name), `${name} writes, and the table does not know it`);
      if (written === null || better.has(name)) continue;
      for (const words of [fill(name), extended(name)]) {
        const own = told(words);
        const asServer = told(['unknown', ...words.slice(1)], new Map([['unknown', {writes, written}]]));
        assert.is(own.replace('deleted', 'written'), asServer, name);
      }
      compared += 1;
    }
    assert.ok(compared > 90, `${compared} compared`);
    for (const name of WRITE_COMMANDS) {
      // Its subcommands do, and before Redis 7.0 it counts for them.
      if (name === 'xgroup') continue;
      const facts = table.get(name);
      assert.ok(facts === undefined || facts.writes, `${name} does not write on this server`);
    }
  });
});

test.run();
