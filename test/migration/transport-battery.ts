/** What every way to carry keys must do, on real servers. A new transport joins by one line in transports.test.ts. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import type {RtopoError} from '../../src/errors.js';
import {probePayloads} from '../../src/migration/probe.js';
import type {AgeKind, Announced, Carried, Transport} from '../../src/migration/transports/transport.js';
import {RespSocket} from '../../src/redis/resp/socket.js';
import {diffSnapshots, snapshot} from '../rig/checker.js';
import {fill} from '../rig/data.js';
import {kinds} from '../rig/kinds.js';
import type {Arg} from '../rig/raw.js';
import {type Server, type ServerSpec, withServers} from '../rig/servers.js';

interface Bench {
  readonly from: Server;
  readonly to: Server;
  readonly carry: (keys: readonly (string | Buffer)[], age?: AgeKind) => Promise<Carried[]>;
  /** What the last `carry` announced before it sent anything. */
  readonly announced: () => readonly Announced[];
}

async function withBench(body: (bench: Bench) => Promise<void>, target: ServerSpec = {}): Promise<void> {
  await withServers([{}, target], async ([from, to]) => {
    const open = ({host, port}: Server) => RespSocket.open({address: {host, port}, tls: null, auth: null}, 5000);
    const [source, landing] = await Promise.all([open(from!), open(to!)]);
    const {support} = await probePayloads(landing);
    let announced: readonly Announced[] = [];
    const carry: Bench['carry'] = (keys, age = 'none') =>
      current!.carry({
        announce: async (copies) => {
          announced = copies;
        },
        source,
        target: landing,
        sourceAge: age,
        targetAge: age,
        support,
        maxPayloadBytes: 512 * 1024 * 1024,
        keys: keys.map((key) => Buffer.from(key as Buffer)),
      });
    try {
      await body({from: from!, to: to!, carry, announced: () => announced});
    } finally {
      source.close();
      landing.close();
    }
  });
}

let current: Transport | null = null;

const outcomes = (carried: readonly Carried[]) => carried.map(({outcome}) => outcome).join();

async function failure(work: Promise<unknown>): Promise<RtopoError> {
  try {
    await work;
  } catch (error) {
    return error as RtopoError;
  }
  throw new Error('it succeeded');
}

export function transportBattery(transport: Transport): void {
  const test = suite(`migration/transport ${transport.name}`);
  const check = (name: string, body: (bench: Bench) => Promise<void>, target?: ServerSpec) =>
    test(name, async () => {
      current = transport;
      await withBench(body, target);
    });

  check('every type, encoding, name and expiry arrives; the source keeps all', async ({from, to, carry, announced}) => {
    const written = await fill(from, {seed: 3, keys: 150, ttlShare: 0.4});
    const before = await snapshot(from);
    const carried = await carry(written.map(({key}) => key));
    assert.is(new Set(written.map(({kind}) => kind)).size, kinds.length);
    assert.is(outcomes(carried), written.map(() => 'created').join());
    assert.equal(diffSnapshots(before, await snapshot(to)), []);
    assert.equal(diffSnapshots(before, await snapshot(from)), []);
    for (const [i, {expireAtMs}] of written.entries()) assert.is(announced()[i]!.expireAtMs, expireAtMs ?? -1);
    assert.is(outcomes(await carry(written.map(({key}) => key))), written.map(() => 'equal').join(), 'once more');
    assert.equal(diffSnapshots(before, await snapshot(to)), []);
  });

  check('what the target holds under the same name is never overwritten', async ({from, to, carry}) => {
    const pairs: readonly [string, Arg[][], Arg[][], string][] = [
      ['same', [['SET', 'same', 'v']], [['SET', 'same', 'v']], 'equal'],
      ['value', [['SET', 'value', 'v']], [['SET', 'value', 'w']], 'conflict'],
      ['type', [['SET', 'type', 'v']], [['RPUSH', 'type', 'v']], 'conflict'],
      ['ttl', [['SET', 'ttl', 'v', 'PXAT', 4e12]], [['SET', 'ttl', 'v', 'PXAT', 4e12 + 1]], 'conflict'],
      ['ttl-lost', [['SET', 'ttl-lost', 'v', 'PXAT', 4e12]], [['SET', 'ttl-lost', 'v']], 'conflict'],
      ['order', [['RPUSH', 'order', 'a', 'b']], [['RPUSH', 'order', 'b', 'a']], 'conflict'],
      ['set', [['SADD', 'set', 'a', 'b', 'c']], [['SADD', 'set', 'c', 'b', 'a']], 'equal'],
      ['hash', [['HSET', 'hash', 'a', '1', 'b', '2']], [['HSET', 'hash', 'b', '2', 'a', '1']], 'equal'],
      ['fields', [['HSET', 'fields', 'a', 'b']], [['HSET', 'fields', 'b', 'a']], 'conflict'],
    ];
    for (const [, here, there] of pairs) {
      for (const command of here) await from.raw.cmd(...command);
      for (const command of there) await to.raw.cmd(...command);
    }
    const before = await snapshot(to);
    const names = pairs.map(([name]) => name);
    assert.equal(
      (await carry(names)).map(({outcome}, i) => `${names[i]} ${outcome}`),
      pairs.map(([name, , , outcome]) => `${name} ${outcome}`),
    );
    assert.equal(diffSnapshots(before, await snapshot(to)), []);
  });

  check('keys that are not there, or expire on the way, are gone and are no failure', async ({from, to, carry}) => {
    assert.is(outcomes(await carry(['never', 'there'])), 'gone,gone');
    for (let round = 0; round < 20; round++) {
      const keys = Array.from({length: 40}, (_, i) => `brief:${round}:${i}`);
      await from.raw.pipeline(keys.map((key, i) => ['SET', key, 'v', 'PX', 1 + (i % 12)]));
      const carried = await carry(keys);
      for (const {outcome} of carried) assert.ok(outcome === 'gone' || outcome === 'created', outcome);
    }
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.is((await snapshot(to)).size, 0, 'a key outlived its time');
  });

  check('a name that was taken by a key that then expires is taken over', async ({from, to, carry}) => {
    for (let round = 0; round < 20; round++) {
      const keys = Array.from({length: 40}, (_, i) => `taken:${round}:${i}`);
      await from.raw.pipeline(keys.map((key) => ['SET', key, 'ours']));
      await to.raw.pipeline(keys.map((key, i) => ['SET', key, 'theirs', 'PX', 1 + (i % 8)]));
      for (const {outcome} of await carry(keys)) assert.ok(outcome === 'conflict' || outcome === 'created', outcome);
    }
  });

  check(
    'a target that is full refuses, and that is told',
    async ({from, to, carry}) => {
      await from.raw.pipeline(Array.from({length: 100}, (_, i) => ['SET', `k${i}`, 'x'.repeat(100_000)]));
      const used = Number((await to.raw.info('memory')).used_memory);
      await to.raw.cmd('CONFIG', 'SET', 'maxmemory', used + 2_000_000);
      assert.is((await failure(carry(Array.from({length: 100}, (_, i) => `k${i}`)))).code, 'OOM');
      assert.is(await from.raw.cmd('DBSIZE'), 100);
    },
    {args: ['--maxmemory-policy', 'noeviction']},
  );

  check(
    'a target that evicts what it has acknowledged is caught',
    async ({from, to, carry}) => {
      await from.raw.pipeline(Array.from({length: 200}, (_, i) => ['SET', `k${i}`, 'x'.repeat(50_000)]));
      const used = Number((await to.raw.info('memory')).used_memory);
      await to.raw.cmd('CONFIG', 'SET', 'maxmemory', used + 1_000_000);
      assert.is((await failure(carry(Array.from({length: 200}, (_, i) => `k${i}`)))).code, 'TARGET_LOST_KEY');
      assert.is(await from.raw.cmd('DBSIZE'), 200);
    },
    {args: ['--maxmemory-policy', 'allkeys-lru']},
  );

  check(
    'reading back leaves no trace in the age, neither of a copy nor of what was there',
    async ({from, to, carry}) => {
      for (const [server, key, idle] of [
        [from, 'new', 500],
        [from, 'both', 600],
        [to, 'both', 700],
      ] as const) {
        await server.raw.cmd('SET', key, 'v');
        await server.raw.cmd(
          'RESTORE',
          key,
          0,
          (await server.raw.cmd('DUMP', key)) as Buffer,
          'REPLACE',
          'IDLETIME',
          idle,
        );
      }
      assert.is(outcomes(await carry(['new', 'both'], 'idle')), 'created,equal');
      for (const [key, idle] of [
        ['new', 500],
        ['both', 700],
      ] as const) {
        const found = Number(await to.raw.cmd('OBJECT', 'IDLETIME', key));
        assert.ok(Math.abs(found - idle) < 5, `${key}: idle for ${found}, not ${idle}`);
      }
    },
    {args: ['--maxmemory-policy', 'allkeys-lru']},
  );

  check('a server that is lost in the middle is a failure, not a result', async ({from, to, carry}) => {
    await from.raw.pipeline(Array.from({length: 2000}, (_, i) => ['SET', `k${i}`, 'x'.repeat(1000)]));
    const work = failure(carry(Array.from({length: 2000}, (_, i) => `k${i}`)));
    await to.kill();
    const {code, exit} = await work;
    assert.ok(['CONNECTION_LOST', 'TIMEOUT'].includes(code), code);
    assert.is(exit, 5);
  });

  test.run();
}
