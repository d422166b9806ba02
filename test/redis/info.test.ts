/** INFO and ROLE as untrusted text: what a server can be made to print is seen for what it is. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {isForged, readRole, readServerFacts} from '../../src/redis/identity.js';
import {infoKeyspace, infoNumber, infoReplicas, infoText, parseInfo} from '../../src/redis/info.js';

const test = suite('redis/info');
const lines = (...list: string[]) => parseInfo(list.join('\r\n'));
const replica = ['slave', 'h', 1, 'connected', 5];

test('fields, comments, colons in values, empty lines; the first occurrence wins', () => {
  const info = lines('# Server', 'run_id:abc', '', 'executable:/a:b', 'no colon', ':x', 'run_id:forged', 'run_id:more');
  assert.equal(
    [...info.fields],
    [
      ['run_id', 'abc'],
      ['executable', '/a:b'],
    ],
  );
  assert.equal(info.repeated, ['run_id', 'run_id']);
  assert.is(infoText(info, 'run_id'), 'abc');
  assert.is(infoText(info, 'none'), null);
});

const numbers: readonly [string, number | null][] = [
  ['0', 0],
  ['-1', -1],
  ['9007199254740991', 9007199254740991],
  ['9007199254740993', null],
  ['99999999999999999', null],
  ['1e3', null],
  [' 1', null],
  ['0x10', null],
  ['', null],
  ['1.5', null],
];
for (const [text, value] of numbers) {
  test(`number '${text}'`, () => assert.is(infoNumber(lines(`n:${text}`), 'n'), value));
}

test('keyspace: every database, in order, lines of another form left out', () => {
  const info = lines(
    'db3:keys=2,expires=1,avg_ttl=0',
    'db0:keys=12,expires=0',
    'db1:keys=x,expires=0',
    'dbx:keys=1,expires=1',
  );
  assert.equal(infoKeyspace(info), [
    {db: 0, keys: 12, expires: 0},
    {db: 3, keys: 2, expires: 1},
  ]);
});

test('replicas: IPv6, other states, fields of later versions; forged lines are left out', () => {
  const info = lines(
    'slave0:ip=2001:db8::1,port=6379,state=online,offset=12,lag=1,type=replica',
    'slave1:ip=h,port=1,state=wait_bgsave,offset=0,lag=0',
    'slave2:ip=10.0.0.9,port=1,state=online,offset=999999999,port=6379,state=online,offset=1,lag=0',
    'slave3:ip=h,port=-1,state=online,offset=1,lag=1',
    'slave4:ip=h,port=6379,state=online,offset=1e9,lag=1',
    'slave_repl_offset:5',
    'slave5:nonsense',
  );
  assert.equal(infoReplicas(info), [
    {host: '2001:db8::1', port: 6379, state: 'online', offset: 12, ackSeconds: 1},
    {host: 'h', port: 1, state: 'wait_bgsave', offset: 0, ackSeconds: null},
  ]);
});

test('ROLE: typed, unknown states, odd replies', () => {
  assert.equal(readRole(['master', 7, []]), {kind: 'master', offset: 7});
  const known = readRole(['slave', 'h', 6379, 'handshake', -1]);
  assert.equal(known, {kind: 'replica', host: 'h', port: 6379, state: 'handshake', offset: null});
  const odd = readRole(['slave', 'h', 1, 'dancing', 3]);
  assert.is(odd.kind === 'replica' && odd.state, 'unknown');
  assert.equal(readRole(['sentinel', []]), {kind: 'other', name: 'sentinel'});
  assert.is(readRole(null).kind, 'other');
  assert.is(readRole('x').kind, 'other');
});

test('forged: a host with line breaks or commas, at either end', () => {
  assert.not.ok(isForged(replica));
  assert.not.ok(
    isForged([
      'master',
      5,
      [
        ['10.0.0.1', '6379', '5'],
        ['::1', '1', '5'],
      ],
    ]),
  );
  assert.ok(isForged(['slave', 'x\r\nrole:master', 1, 'connect', -1]));
  assert.ok(isForged(['master', 5, [['10.0.0.9,port=1', '6379', '5']]]));
});

/** Real lines of a replica, after lines that were injected by `REPLICAOF "x\r\n…"`. */
const injected: readonly [string, readonly string[]][] = [
  ['role:master', ['role']],
  ['master_link_status:up', ['master_link_status']],
  ['db3:keys=0,expires=0', ['db3']],
  ['master_replid:0', ['master_replid']],
  ['slave_repl_offset:9', ['slave_repl_offset']],
  ['loading:0', ['loading']],
  ['some_module_field:1', []],
];
for (const [line, tampered] of injected) {
  test(`injected ${line}`, () => {
    const info = lines(
      ...['role:slave', line, 'master_link_status:down', 'slave_repl_offset:5', 'master_replid:a'],
      ...['loading:1', 'some_module_field:2', 'some_module_field:3', 'db3:keys=4,expires=0'],
      ...(line.startsWith('role') ? ['role:slave'] : []),
    );
    const facts = readServerFacts(readRole(replica), info);
    assert.equal(facts.tampered, tampered);
  });
}

test('facts: unknown stays null, an all-zero second id is none, Valkey is Valkey', () => {
  const bare = readServerFacts(readRole(['master', 0, []]), lines(''));
  assert.equal([bare.version, bare.lineage.replid2, bare.backlog, bare.failoverState], ['unknown', null, null, null]);
  const facts = readServerFacts(
    readRole(replica),
    lines(
      ...['redis_version:7.2.4', 'server_name:valkey', 'valkey_version:8.1.0', 'run_id:r', 'master_replid:a'],
      ...[`master_replid2:${'0'.repeat(40)}`, 'second_repl_offset:-1', 'slave_repl_offset:5', 'master_repl_offset:5'],
      ...['master_link_status:up', 'master_last_io_seconds_ago:-1', 'master_sync_perc:-0.00', 'db0:keys=2,expires=0'],
      ...['repl_backlog_active:1', 'repl_backlog_first_byte_offset:1', 'repl_backlog_histlen:5', 'repl_backlog_size:9'],
    ),
  );
  assert.equal([facts.server, facts.version, facts.keys, facts.linkUp], ['valkey', '8.1.0', 2, true]);
  assert.equal(facts.lineage, {replid: 'a', replid2: null, secondOffset: null, offset: 5});
  assert.equal([facts.lastIoSeconds, facts.syncPercent], [null, null]);
  assert.equal(facts.backlog, {firstOffset: 1, lengthBytes: 5, sizeBytes: 9});
});

test.run();
