/** The tap on real servers: what it names, what it leaves alone, and that a server never notices more of it than a connection. */
import {createServer, type Socket} from 'node:net';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {CommandStream} from '../../src/redis/resp/command-stream.js';
import {encodeCommands} from '../../src/redis/resp/encode.js';
import {type BacklogReplay, type BacklogRequest, readBacklog} from '../../src/redis/resp/tap.js';
import {TapLink} from '../../src/redis/resp/tap-link.js';
import {prng, seedOfRun} from '../rig/data.js';
import type {Arg, Raw} from '../rig/raw.js';
import {type Rig, type Server, type ServerSpec, withServers} from '../rig/servers.js';

const test = suite('resp/tap');

const OWN = Buffer.from('__rtopo:');
const LOCK = '__rtopo:lock';

interface Position {
  readonly replid: string;
  readonly offset: number;
}

async function position(raw: Raw): Promise<Position> {
  const info = await raw.info('replication');
  return {replid: info.master_replid!, offset: Number(info.master_repl_offset)};
}

const endpoint = ({host, port}: {host: string; port: number}) => ({address: {host, port}, tls: null, auth: null});

function request(server: {host: string; port: number}, from: Position, to: Position): BacklogRequest {
  const piece = {replid: from.replid, fromOffset: from.offset, toOffset: to.offset};
  const anchor = {key: Buffer.from(LOCK), db: 0};
  return {...piece, endpoint: endpoint(server), timeoutMs: 3000, maxKeys: 1000, ownPrefix: OWN, anchor};
}

/** What attaching a replica in earnest would have changed. */
async function traces(raw: Raw): Promise<Record<string, string | undefined>> {
  const [stats, saved] = [await raw.info('stats'), await raw.info('persistence')];
  const {sync_full, sync_partial_err} = stats;
  const {rdb_saves, rdb_last_save_time, rdb_last_bgsave_time_sec, rdb_bgsave_in_progress} = saved;
  const {total_forks} = stats;
  return {
    ...{sync_full, sync_partial_err, total_forks},
    ...{rdb_saves, rdb_last_save_time, rdb_last_bgsave_time_sec, rdb_bgsave_in_progress},
  };
}

/** A master that keeps a backlog: it had a replica once. */
async function withMaster(
  body: (scene: {master: Server; raw: Raw; replica: Server; rig: Rig}) => Promise<void>,
  args: readonly string[] = [],
): Promise<void> {
  const specs: ServerSpec[] = [{args}, {}];
  await withServers(specs, async ([master, replica], rig) => {
    await rig.replicate(replica!, master!);
    // The replica is content before the master has done everything for it.
    await rig.until('the end of the first sync', async () => {
      const {slave0} = await master!.raw.info('replication');
      return /state=online/.test(slave0!) && (await traces(master!.raw)).rdb_bgsave_in_progress === '0';
    });
    await body({master: master!, raw: master!.raw, replica: replica!, rig});
  });
}

type Replayed = BacklogReplay & {kind: 'replayed'};

function replayed(replay: BacklogReplay): Replayed {
  assert.is(replay.kind, 'replayed', replay.kind === 'unavailable' ? replay.why : '');
  return replay as Replayed;
}

function why(replay: BacklogReplay): string {
  assert.is(replay.kind, 'unavailable');
  return replay.kind === 'unavailable' ? replay.why : '';
}

const names = (keys: Replayed['written']): string[] =>
  keys.map(({db, key}) => `${db}:${key.toString('latin1')}`).sort();

/** What the tap tells about the commands between two positions; the lock is renewed in between, as in every run. */
async function tapped(server: Server, act: (raw: Raw) => Promise<unknown>, options: Partial<BacklogRequest> = {}) {
  const from = await position(server.raw);
  await act(server.raw);
  const before = await traces(server.raw);
  const replay = await readBacklog({...request(server, from, await position(server.raw)), ...options});
  assert.equal(await traces(server.raw), before, 'the server had to do more than to read its backlog');
  return replay;
}

/** Commands, the keys that they write, and those that they delete; in one database, on keys that the commands before have made. */
const cases: readonly [string, readonly Arg[][], string, string?][] = [
  ['SET', [['SET', 'a', '1']], 'a'],
  ['SET that changes nothing', [['SET', 'a', '1', 'NX']], ''],
  ['INCR', [['INCR', 'n']], 'n'],
  ['INCRBYFLOAT', [['INCRBYFLOAT', 'n', '1.5']], 'n'],
  ['LPUSH', [['LPUSH', 'l', '3', '1', '2']], 'l'],
  ['MSET', [['MSET', 'm1', '1', 'm2', '2', 'm1', '3']], 'm1 m2'],
  ['RENAME', [['RENAME', 'm1', 'm3']], 'm1 m3'],
  ['COPY', [['COPY', 'm3', 'm4']], 'm4'],
  ['COPY to another database', [['COPY', 'm3', 'm5', 'DB', '7']], '7:m5'],
  ['SORT', [['SORT', 'l']], ''],
  ['SORT STORE', [['SORT', 'l', 'BY', 'STORE', 'STORE', 'sorted']], 'sorted'],
  [
    'ZADD',
    [
      ['ZADD', 'z1', '1', 'a'],
      ['ZADD', 'z2', '2', 'b'],
    ],
    'z1 z2',
  ],
  ['ZUNIONSTORE', [['ZUNIONSTORE', 'zu', '2', 'z1', 'z2']], 'zu'],
  ['ZRANGESTORE', [['ZRANGESTORE', 'zr', 'zu', '0', '-1']], 'zr'],
  ['BZMPOP', [['BZMPOP', '1', '2', 'none', 'zr', 'MIN']], 'zr'],
  [
    'XADD',
    [
      ['XADD', 's', '1-1', 'f', 'v'],
      ['XADD', 's', '2-1', 'f', 'v'],
    ],
    's',
  ],
  ['XGROUP', [['XGROUP', 'CREATE', 's', 'g', '0']], 's'],
  ['XREADGROUP', [['XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', '1', 'STREAMS', 's', '>']], 's'],
  ['XREADGROUP NOACK', [['XREADGROUP', 'GROUP', 'g', 'c', 'NOACK', 'STREAMS', 's', '>']], 's'],
  ['XACK', [['XACK', 's', 'g', '1-1']], 's'],
  [
    'EVAL',
    [
      [
        'EVAL',
        "redis.call('SET',KEYS[1],1) redis.call('INCR',KEYS[2]) redis.call('GET',KEYS[3]) redis.call('SET',ARGV[1],1)",
        3,
        'e1',
        'e2',
        'e3',
        'undeclared',
      ],
    ],
    'e1 e2 undeclared',
  ],
  ['MULTI', [['MULTI'], ['SET', 't1', '1'], ['HSET', 't2', 'f', 'v'], ['GET', 'a'], ['EXEC']], 't1 t2'],
  [
    'SPOP',
    [
      ['SADD', 'set', 'a', 'b'],
      ['SPOP', 'set'],
    ],
    'set',
  ],
  [
    'SPOP of all',
    [
      ['SADD', 'set2', 'a', 'b'],
      ['SPOP', 'set2', '9'],
    ],
    'set2',
    'set2',
  ],
  ['GETEX', [['GETEX', 'a', 'EX', '1000']], 'a'],
  ['GETEX that only reads', [['GETEX', 'a']], ''],
  ['EXPIRE', [['EXPIRE', 'a', '2000']], 'a'],
  ['EXPIRE in the past', [['EXPIRE', 'a', '-1']], '', 'a'],
  ['GETDEL', [['GETDEL', 'm2']], '', 'm2'],
  ['DEL', [['DEL', 'm3', 'nothere']], '', 'm3 nothere'],
  ['UNLINK', [['UNLINK', 'm4']], '', 'm4'],
  ['DEL of nothing', [['DEL', 'nothere']], ''],
  ['MOVE', [['MOVE', 't1', '7']], 't1 7:t1'],
  [
    'BITOP',
    [
      ['SETBIT', 'bits', '1', '1'],
      ['BITOP', 'NOT', 'bits2', 'bits'],
    ],
    'bits bits2',
  ],
  [
    'PFCOUNT',
    [
      ['PFADD', 'h', 'a'],
      ['PFCOUNT', 'h'],
      ['PFCOUNT', 'h', 'h2'],
    ],
    'h',
  ],
  [
    'GEORADIUS STORE',
    [
      ['GEOADD', 'geo', '13', '38', 'x'],
      ['GEORADIUS', 'geo', '13', '38', '1', 'km', 'STORE', 'geo2'],
    ],
    'geo geo2',
  ],
  ['BLMOVE', [['BLMOVE', 'l', 'l2', 'LEFT', 'LEFT', '1']], 'l l2'],
  [
    'PUBLISH',
    [
      ['PUBLISH', 'channel', 'message'],
      ['SPUBLISH', 'channel', 'message'],
    ],
    '',
  ],
  [
    'reads',
    [
      ['GET', 'n'],
      ['TYPE', 'n'],
      ['DUMP', 'n'],
      ['SCAN', '0'],
    ],
    '',
  ],
  ['a binary name', [['SET', Buffer.from([0xff, 0x00, 0x0d, 0x0a]), '1']], '\xff\x00\r\n'],
];

test('exactly the keys that were written are named, whatever the command', async () => {
  await withMaster(async ({master, raw}) => {
    const dump = await (await master.connect()).cmd(
      'EVAL',
      "redis.call('SET','d',1) local p = redis.call('DUMP','d') redis.call('DEL','d') return p",
      0,
    );
    await raw.select(3);
    const all = [...cases, ['RESTORE', [['RESTORE', 'restored', '0', dump as Buffer, 'REPLACE']], 'restored'] as const];
    for (const [what, commands, written, deleted = ''] of all) {
      const from = await position(raw);
      for (const command of commands) await raw.cmd(...command);
      const found = replayed(await readBacklog(request(master, from, await position(raw))));
      const wanted = (text: string) =>
        text
          .split(' ')
          .filter((name) => name !== '')
          .map((name) => (/^\d:/.test(name) ? name : `x:${name}`))
          .sort();
      const told = (keys: Replayed['written']) => names(keys).map((name) => name.replace(/^(3|null):/, 'x:'));
      assert.equal(told(found.written), wanted(written), `${what}: written`);
      assert.equal(told(found.deleted), wanted(deleted), `${what}: deleted`);
      assert.equal([found.wholesale, found.others, found.overflow], [[], 0, false], what);
    }
  });
});

test('the database of every key, also before the first SELECT where the lock tells it', async () => {
  await withMaster(async ({master, raw}) => {
    // The stream is in database 0 now; a replica is taken to know that.
    await raw.cmd('SET', 'x', '1');
    const act = async () => {
      for (const [db, key] of [
        [0, 'a'],
        [5, 'b'],
        [0, 'c'],
        [15, 'a'],
      ] as const) {
        await raw.select(db);
        await raw.cmd('SET', key, '1');
      }
      await raw.select(0);
    };
    const blind = replayed(await tapped(master, act));
    assert.equal(names(blind.written), ['0:c', '15:a', '5:b', 'null:a']);
    await raw.cmd('SET', 'x', '1');
    const renewed = replayed(
      await tapped(master, async () => {
        await raw.cmd('SET', 'a', '2');
        await raw.cmd('SET', LOCK, 'renewed');
        await raw.cmd('SET', 'a', '3');
        await act();
      }),
    );
    assert.equal(names(renewed.written), ['0:a', '0:c', '15:a', '5:b'], 'and a key counts once');
    const selected = replayed(
      await tapped(master, async () => {
        await raw.select(2);
        await raw.cmd('SET', LOCK, 'another key of that name, in another database');
        await raw.cmd('SET', 'k', '1');
        await raw.select(0);
      }),
    );
    assert.equal(names(selected.written), ['2:k']);
  });
});

test('own keys are no writes; what concerns a whole database is named as such', async () => {
  await withMaster(async ({master, raw}) => {
    const own = replayed(
      await tapped(master, async () => {
        await raw.cmd('SET', LOCK, 'x', 'PX', '60000');
        await raw.cmd('EVAL', "return redis.call('PEXPIRE', KEYS[1], 60000)", 1, LOCK);
        await raw.cmd('SET', '__rtopo:scratch', '1');
        await raw.cmd('DEL', '__rtopo:scratch');
      }),
    );
    assert.equal([own.written, own.deleted, own.wholesale, own.others], [[], [], [], 0]);
    assert.ok(own.commands >= 4);
    const wholesale = replayed(
      await tapped(master, async () => {
        await raw.cmd('FLUSHDB');
        await raw.cmd(
          'FUNCTION',
          'LOAD',
          '#!lua name=l\nredis.register_function("f", function(k) return redis.call("SET", k[1], 1) end)',
        );
        await raw.cmd('FCALL', 'f', 1, 'byfunction');
        await raw.cmd('SWAPDB', 1, 2);
        await raw.select(4);
        await raw.cmd('FLUSHALL');
        await raw.select(0);
      }),
    );
    assert.equal(wholesale.wholesale, [
      {db: null, command: 'FLUSHDB', data: true},
      {db: null, command: 'FUNCTION', data: false},
      {db: null, command: 'SWAPDB 1 2', data: true},
      {db: 4, command: 'FLUSHALL', data: true},
    ]);
    assert.equal(names(wholesale.written), ['null:byfunction']);
  });
});

test('a key that expires is among the deleted ones, by access and by itself', async () => {
  await withMaster(async ({master, raw, rig}) => {
    await raw.cmd('SET', 'lazy', '1', 'PX', '1');
    await raw.cmd('SET', 'active', '1', 'PX', '1');
    const found = replayed(
      await tapped(master, async () => {
        await rig.until(
          'both gone',
          async () => (await raw.cmd('GET', 'lazy')) === null && (await raw.cmd('DBSIZE')) === 0,
        );
      }),
    );
    const gone = found.deleted.map(({key}) => key.toString());
    assert.ok(gone.every((key) => key === 'lazy' || key === 'active') && found.written.length === 0, String(gone));
  });
});

test('names are bounded, those that nobody wants only counted, and a piece that is empty asks for nothing', async () => {
  await withMaster(async ({master, raw}) => {
    const write = () => raw.pipeline(Array.from({length: 3000}, (_, i) => ['SET', `k:${i}`, 'v']));
    const bounded = replayed(await tapped(master, write, {maxKeys: 10}));
    assert.equal([bounded.written.length, bounded.overflow, bounded.commands >= 3000], [10, true, true]);
    const wanted = (_: number | null, key: Buffer) => key.toString().endsWith('7');
    const some = replayed(await tapped(master, write, {wanted}));
    assert.equal([some.written.length, some.others, some.overflow], [300, 2700, false]);
    const none = replayed(await tapped(master, async () => undefined));
    assert.equal([none.bytes, none.commands, none.written], [0, 0, []]);
  });
});

test('values of many megabytes pass by', async () => {
  await withMaster(
    async ({master, raw}) => {
      const large = Buffer.alloc(5_000_000, '*3\r\n$3\r\nSET\r\n');
      const found = replayed(
        await tapped(master, async () => {
          await raw.cmd('SET', 'large', large);
          await raw.cmd('SET', 'x'.repeat(70_000), '1');
          await raw.cmd('SET', 'after', '1');
        }),
      );
      assert.equal(
        found.written.map(({key}) => key.toString()),
        ['large', 'after'],
      );
      assert.equal(found.wholesale, [{db: 0, command: 'SET', data: true}], 'a name that is too long may be any name');
    },
    ['--repl-backlog-size', '20mb'],
  );
});

test('a backlog that was overrun is not asked for: no full resync, no fork', async () => {
  await withMaster(
    async ({master, raw, rig}) => {
      const {offset} = await position(raw);
      const found = await tapped(master, () =>
        rig.until('the backlog is overrun', async () => {
          await raw.cmd('SET', 'k', Buffer.alloc(20_000));
          return Number((await raw.info('replication')).repl_backlog_first_byte_offset) > offset + 1;
        }),
      );
      assert.match(why(found), /has overwritten that part of its backlog/);
    },
    ['--repl-backlog-size', '32kb'],
  );
});

test('what the server has no history of is not asked for', async () => {
  await withMaster(async ({master, raw, replica}) => {
    const from = await position(raw);
    const before = await traces(raw);
    const ask = async (change: Partial<BacklogRequest>) => {
      const told = why(await readBacklog({...request(master, from, from), ...change}));
      assert.equal(await traces(raw), before);
      return told;
    };
    assert.match(await ask({toOffset: from.offset + 1_000_000}), /not as far in its history/);
    assert.match(await ask({fromOffset: from.offset + 5, toOffset: from.offset + 6}), /not as far in its history/);
    assert.match(await ask({fromOffset: from.offset, toOffset: from.offset - 1}), /not as far in its history/);
    assert.match(await ask({replid: 'f'.repeat(40)}), /has begun another history/);
    assert.match(why(await readBacklog(request(replica, from, from))), /is no master/);
    await master.restart();
    assert.match(why(await readBacklog(request(master, from, from))), /has begun another history/);
    const {replid} = await position(master.raw);
    assert.match(why(await readBacklog(request(master, {replid, offset: 0}, {replid, offset: 0}))), /keeps no backlog/);
    await master.kill();
    assert.match(why(await readBacklog(request(master, from, from))), /refused the connection/);
  });
});

/** Least privilege. COMMAND may be missing: the tap then knows the commands of Redis and Valkey, and no modules. */
const RULES = ['+ping', '+info', '+replconf', '+psync'] as const;

test('it works with the least of permissions; without one of them it says which, and the server sees no replica', async () => {
  process.env.RTOPO_TEST_TAP = 'secret-of-the-tap';
  try {
    await withMaster(async ({master, raw}) => {
      const from = await position(raw);
      await raw.cmd('SET', 'k', '1');
      const to = await position(raw);
      const auth = {username: 'tap', password: {from: 'env', name: 'RTOPO_TEST_TAP'}} as const;
      const ask = async (rules: readonly string[]) => {
        await raw.cmd('ACL', 'SETUSER', 'tap', 'reset', 'on', '>secret-of-the-tap', '-@all', ...rules);
        return readBacklog({...request(master, from, to), endpoint: {...endpoint(master), auth}});
      };
      assert.equal(
        names(replayed(await ask(RULES)).written).map((name) => name.slice(-2)),
        [':k'],
      );
      const before = await traces(raw);
      for (const missing of RULES) {
        const told = why(await ask(RULES.filter((rule) => rule !== missing)));
        assert.match(told, /NOPERM/, missing);
        assert.not.match(told, 'secret');
        assert.equal(await traces(raw), before);
      }
      assert.match(why(await ask([...RULES, 'resetpass', '>another'])), /refused AUTH/);
      await raw.cmd('ACL', 'LOG', 'RESET');
    });
  } finally {
    delete process.env.RTOPO_TEST_TAP;
  }
});

test('it counts for no WAIT while it is attached, and is gone afterwards', async () => {
  await withMaster(async ({master, raw, replica, rig}) => {
    const {replid, offset} = await position(raw);
    replica.pause();
    const link = await TapLink.open(endpoint(master), 3000);
    try {
      await link.ask([['REPLCONF', 'capa', 'eof', 'capa', 'psync2']]);
      assert.match(await link.psync(replid, offset + 1), /^\+CONTINUE/);
      // More than will ever come: it stays attached.
      const reading = link.stream(new CommandStream(1_000_000_000, () => undefined)).catch(() => 'closed');
      await rig.until('both are attached', async () => (await raw.info('replication')).connected_slaves === '2');
      await raw.cmd('SET', 'k', '1');
      assert.is(await raw.cmd('WAIT', 1, 1500), 0);
      const {slave0, slave1} = await raw.info('replication');
      const tap = [slave0!, slave1!].find((line) => line.includes('port=0,'))!;
      assert.match(tap, /state=online,offset=0,lag=[01](,|$)/, 'kept alive, and never ahead');
      link.close();
      assert.is(await reading, 'closed');
      await rig.until('the tap is gone', async () => (await raw.info('replication')).connected_slaves === '1');
    } finally {
      link.close();
      replica.resume();
    }
  });
});

test('it is not the replica that lets a server take writes again', async () => {
  await withMaster(async ({master, raw}) => {
    await raw.cmd('SET', 'k', '1');
    const at = await position(raw);
    const ask = async (min: number) => {
      await raw.cmd('CONFIG', 'SET', 'min-replicas-to-write', min);
      return readBacklog(request(master, {...at, offset: at.offset - 1}, {...at, offset: at.offset - 1}));
    };
    for (const min of [0, 1, 3, 1_000_000]) replayed(await ask(min));
    assert.match(why(await ask(2)), /lacks one replica to take writes again/);
  });
});

/** A server that answers as one should until PSYNC, and then with these bytes, in these pieces. */
async function withImpostor<T>(
  answer: readonly Buffer[],
  body: (at: {host: string; port: number}) => Promise<T>,
  {endsAfter = true}: {endsAfter?: boolean} = {},
): Promise<T> {
  const sockets = new Set<Socket>();
  const info =
    'role:master\r\nmaster_replid:x\r\nmaster_repl_offset:5000\r\nrepl_backlog_active:1\r\nrepl_backlog_size:1048576\r\nrepl_backlog_first_byte_offset:1\r\nrepl_backlog_histlen:5000\r\n';
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      for (const [, name] of data.toString('latin1').matchAll(/\*\d+\r\n\$\d+\r\n(\w+)/g)) {
        if (name === 'PING') socket.write('+PONG\r\n');
        if (name === 'REPLCONF' && !/ACK/.test(String(data))) socket.write('+OK\r\n');
        if (name === 'COMMAND') socket.write('*0\r\n');
        if (name === 'INFO') socket.write(`$${info.length}\r\n${info}\r\n`);
        if (name !== 'PSYNC') continue;
        for (const piece of answer) socket.write(piece);
        if (endsAfter) socket.end();
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const address = server.address();
    assert.ok(address !== null && typeof address === 'object');
    return await body({host: '127.0.0.1', port: (address as {port: number}).port});
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}

const replid = 'x';
const hear = (answer: readonly Buffer[], length: number, endsAfter = true, timeoutMs = 2000) =>
  withImpostor(
    answer,
    (at) => readBacklog({...request(at, {replid, offset: 0}, {replid, offset: length}), timeoutMs}),
    {endsAfter},
  );

test('whatever a hostile server sends, the tap ends, and says that it has nothing', async () => {
  const good = encodeCommands([['SET', 'k', 'v']]);
  const continued = Buffer.from('+CONTINUE x\r\n');
  const heard = replayed(await hear([Buffer.from('\n\n'), continued, good], good.length, false));
  assert.equal(names(heard.written), ['null:k']);
  const slow = [...Buffer.concat([continued, good])].map((byte) => Buffer.from([byte]));
  assert.equal(names(replayed(await hear(slow, good.length, false)).written), ['null:k'], 'byte by byte');
  const bad: readonly [string, string][] = [
    ['+FULLRESYNC x 5\r\n$9999999999\r\n', 'does not replay'],
    ['+CONTINUED\r\n', 'does not replay'],
    ['-NOPERM this user has no permissions to run the psync command\r\n', 'NOPERM'],
    ['-\x1b[2Jgotcha\r\n', 'x1b'],
    ['', 'closed the connection'],
    ['+CONTINUE x', 'closed the connection'],
    ['+CONTINUE x\r\n', 'closed the connection'],
    ['\n'.repeat(20_000), 'no end'],
    ['x'.repeat(20_000), 'no end'],
    ['+CONTINUE x\r\n*3\r\n$3\r\nSET\r\n$99999999\r\n', 'out of bounds'],
    ['+CONTINUE x\r\n*99999999\r\n', 'out of bounds'],
    ['+CONTINUE x\r\n+OK\r\n', 'no commands'],
    [`+CONTINUE x\r\n*1\r\n$${good.length}\r\n${'x'.repeat(100)}`, ''],
  ];
  for (const [text, says] of bad)
    assert.match(why(await hear([Buffer.from(text)], good.length)), says, JSON.stringify(text.slice(0, 60)));
  assert.match(why(await hear([continued], good.length, false, 300)), /did not answer .* within 300 ms/, 'a silence');
});

test('random bytes in place of the stream: an end, every time', async () => {
  const seed = seedOfRun();
  const random = prng(seed);
  const good = encodeCommands(Array.from({length: 20}, (_, i) => ['SET', `key:${i}`, 'value']));
  for (let round = 0; round < 60; round++) {
    const bytes = Buffer.from(good);
    for (let i = random.int(4); i >= 0; i--) bytes[random.int(bytes.length)] = random.int(256);
    const pieces = random.int(2) === 0 ? [bytes] : [...bytes].map((byte) => Buffer.from([byte]));
    const replay = await hear([Buffer.from('+CONTINUE x\r\n'), ...pieces], good.length);
    assert.ok(['replayed', 'unavailable'].includes(replay.kind), `RTOPO_SEED=${seed}`);
  }
});

test.run();
