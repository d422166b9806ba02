/** Who wrote to the sources, on real servers: which method answers, which keys it names, and what is no writer. */
import {mkdirSync} from 'node:fs';
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {copyAll} from '../../src/migration/copy.js';
import {readOperation} from '../../src/migration/history.js';
import type {WritersVerdict} from '../../src/migration/judge-writers.js';
import type {Operation} from '../../src/migration/operation.js';
import {planChange} from '../../src/migration/plan.js';
import {planRebalance} from '../../src/migration/planning.js';
import type {Readings} from '../../src/migration/readings.js';
import {DEFAULT_SETTINGS} from '../../src/migration/records.js';
import {closeOperation, openOperation, reopenOperation, sideOf} from '../../src/migration/start.js';
import {proveWriters, readWriters} from '../../src/migration/writers.js';
import type {Raw} from '../rig/raw.js';
import {type Rig, type Server, withServers} from '../rig/servers.js';
import {durable, field, placer, topologyText} from './field.js';

const test = suite('migration/prove-writers');

interface Scene {
  readonly a: Server;
  readonly b: Server;
  /** Of a. */
  readonly replica: Server | null;
  readonly raw: Raw;
  readonly rig: Rig;
  operation: Operation;
  readonly moving: (name: string) => string;
  readonly staying: (name: string) => string;
  /** Copies everything between two readings, lets `act` happen after it, and says what is proved. */
  readonly judge: (act?: () => Promise<unknown>) => Promise<WritersVerdict>;
  /** The lock is renewed, out of turn. */
  readonly renew: () => Promise<void>;
  /** Another process goes on. */
  readonly takeOver: () => Promise<void>;
}

const options = {timeoutMs: 5000, onProgress: () => undefined, interrupted: () => false, again: ''};

/** A source that has a backlog, unless `backlog` says that it never had a replica; and a server that joins. */
async function withScene(
  {backlog = true, args = []}: {backlog?: boolean; args?: readonly string[]},
  body: (scene: Scene) => Promise<void>,
): Promise<void> {
  await withServers([{args: [...durable.args, ...args]}, durable], async ([a, b], rig) => {
    const replica = backlog ? await rig.start() : null;
    if (replica !== null) await rig.replicate(replica, a!);
    const shards = [{name: 'a', address: a!.address}];
    const [fromText, toText] = [shards, [...shards, {name: 'b', address: b!.address}]].map((list) =>
      topologyText('{scheme: modulo}', list),
    ) as [string, string];
    const home = field(rig, fromText);
    const place = placer(toText, [a!, b!]);
    const named = (owner: number) => (name: string) => {
      for (let i = 0; ; i++) if (place(Buffer.from(`${name}:${i}`)) === owner) return `${name}:${i}`;
    };
    await a!.raw.pipeline(Array.from({length: 200}, (_, i) => ['SET', `key:${i}`, 'v']));
    const change = planChange(sideOf(fromText, home.file), sideOf(toText, home.file));
    const consents = {acceptVolatile: []};
    const plan = await planRebalance(change, {
      consents,
      settings: DEFAULT_SETTINGS,
      estimate: 'exact',
      timeoutMs: 5000,
    });
    assert.equal(plan.objections, []);
    const stateDir = join(rig.dir, 'state');
    mkdirSync(stateDir, {mode: 0o700});
    const scene: Scene = {
      ...{a: a!, b: b!, replica, raw: a!.raw, rig, moving: named(1), staying: named(0)},
      operation: await openOperation(
        plan,
        {file: home.file, consents, settings: DEFAULT_SETTINGS},
        {...options, stateDir},
      ),
      async judge(act = async () => undefined) {
        // As the journal would give it back.
        const before: Readings = JSON.parse(JSON.stringify(await readWriters(scene.operation)));
        await copyAll(scene.operation, 'copy');
        await act();
        return proveWriters(scene.operation, before, await readWriters(scene.operation));
      },
      async renew() {
        const runIds = scene.operation.nodes.map(({facts}) => facts.runId);
        await scene.operation.lock.hold(runIds, 0);
        await scene.operation.lock.resume(runIds);
      },
      async takeOver() {
        const {path} = scene.operation.journal;
        await closeOperation(scene.operation);
        scene.operation = (await reopenOperation(readOperation(path)!, options)).operation;
      },
    };
    try {
      await body(scene);
    } finally {
      await closeOperation(scene.operation);
    }
  });
}

const names = (keys: WritersVerdict['written']) => keys.map(({key}) => key.toString());
const said = ({verdict, method}: WritersVerdict) => `${verdict} by ${method}`;

test('the lock alone is no writer, whichever method answers', async () => {
  await withScene({}, async ({judge, renew}) => {
    const found = await judge(renew);
    assert.is(said(found), 'none-seen by backlog', JSON.stringify(found.nodes));
    assert.equal([found.touchedMoving, found.touchedOther, found.more], [0, 0, false]);
  });
  await withScene({backlog: false}, async ({judge, renew, raw, takeOver}) => {
    assert.is(said(await judge(renew)), 'none-seen by changes');
    const saved = await judge(async () => {
      await renew();
      await raw.cmd('SAVE');
    });
    assert.is(said(saved), 'none-seen by commandstats');
    // What its predecessor has done after the reading nobody has counted.
    const resumed = await judge(async () => {
      await renew();
      await takeOver();
    });
    assert.is(said(resumed), 'unknown by none');
    const reset = await judge(async () => {
      await renew();
      await raw.cmd('SAVE');
      await raw.cmd('CONFIG', 'RESETSTAT');
    });
    assert.is(said(reset), 'unknown by none');
  });
});

test('where nothing at all is written the offset says so', async () => {
  await withScene({}, async ({judge, rig, replica, raw}) => {
    // Without a replica there is no ping that would move it, and the backlog remembers the one that was there.
    await replica!.kill();
    await rig.until('no replica', async () => (await raw.info('replication')).connected_slaves === '0');
    assert.is(said(await judge()), 'none-seen by offset');
  });
});

test('a key that moves away is named, with its database; one that stays is counted', async () => {
  await withScene({}, async ({judge, raw, renew, moving, staying, a}) => {
    const [one, two, three] = [moving('one'), moving('two'), moving('three')];
    const found = await judge(async () => {
      await raw.cmd('SET', one, 'v');
      await raw.cmd('SET', staying('x'), 'v');
      await renew();
      await raw.cmd('MSET', two, 'v', staying('y'), 'v');
      await raw.select(3);
      await raw.cmd('LPUSH', three, 'v');
      await raw.select(0);
    });
    assert.is(said(found), 'seen by backlog');
    assert.equal(
      found.written.map(({node, db, key}) => `${node} ${db} ${key}`),
      [`${a.address} 0 ${one}`, `${a.address} 0 ${two}`, `${a.address} 3 ${three}`],
    );
    assert.equal([found.touchedMoving, found.touchedOther, found.more], [3, 2, false]);
    const harmless = await judge(() => raw.cmd('SET', staying('x'), 'w'));
    assert.equal([said(harmless), harmless.touchedMoving, harmless.touchedOther], ['none-seen by backlog', 0, 1]);
  });
});

test('a key that was deleted and one that has expired are told apart by their copies', async () => {
  await withScene({}, async ({judge, raw, b, rig, moving}) => {
    const [deleted, expiring, written] = [moving('deleted'), moving('expiring'), moving('written')];
    await raw.cmd('SET', deleted, 'v', 'PX', 3_600_000);
    await raw.cmd('SET', written, 'v');
    await raw.cmd('SET', expiring, 'v', 'PX', 700);
    const expired = await judge(async () => {
      await rig.until(
        'both expired',
        async () => (await raw.cmd('EXISTS', expiring)) === 0 && (await b.raw.cmd('EXISTS', expiring)) === 0,
      );
    });
    assert.is(said(expired), 'none-seen by backlog', JSON.stringify(expired.nodes));
    assert.equal([names(expired.written), names(expired.deleted)], [[], [expiring]]);
    const gone = await judge(() => raw.cmd('DEL', deleted));
    assert.is(said(gone), 'seen by backlog');
    assert.equal([names(gone.written), names(gone.deleted)], [[], [deleted]]);
    assert.match(gone.nodes[0]!.why!, /were deleted/);
    const both = await judge(async () => {
      await raw.cmd('SET', written, 'w');
      await raw.cmd('UNLINK', written);
    });
    assert.equal([said(both), both.touchedMoving], ['seen by backlog', 1]);
  });
});

test('a whole database, and more keys than are kept', async () => {
  await withScene({args: ['--repl-backlog-size', '64mb']}, async ({judge, raw}) => {
    const many = await judge(() => raw.pipeline(Array.from({length: 30_000}, (_, i) => ['SET', `many:${i}`, 'v'])));
    assert.equal([said(many), many.more, many.written.length], ['seen by backlog', true, 10_000]);
    const functions = await judge(() =>
      raw.cmd('FUNCTION', 'LOAD', '#!lua name=l\nredis.register_function("f", function() return 1 end)'),
    );
    assert.equal(
      [said(functions), functions.wholesale.map(({command}) => command)],
      ['none-seen by backlog', ['FUNCTION']],
    );
    const flushed = await judge(() => raw.cmd('SWAPDB', 4, 5));
    assert.is(said(flushed), 'seen by backlog');
    assert.match(flushed.nodes[0]!.why!, 'SWAPDB 4 5');
  });
});

test('where the backlog was overrun the counters answer, and a restart ends every comparison', async () => {
  await withScene({args: ['--repl-backlog-size', '32kb']}, async ({judge, raw, rig, a, staying, operation}) => {
    const overrun = async () => {
      const {master_repl_offset} = await raw.info('replication');
      await rig.until('the backlog is overrun', async () => {
        await raw.cmd('PUBLISH', 'channel', Buffer.alloc(20_000));
        return Number((await raw.info('replication')).repl_backlog_first_byte_offset) > Number(master_repl_offset) + 1;
      });
    };
    assert.is(said(await judge(overrun)), 'none-seen by changes');
    const found = await judge(async () => {
      await overrun();
      await raw.cmd('SET', staying('x'), 'v');
    });
    assert.equal([said(found), found.touchedMoving, found.touchedOther], ['seen by changes', null, null]);
    const before = await readWriters(operation);
    await a.restart();
    const after = await readWriters(operation);
    const restarted = await proveWriters(operation, before, after);
    assert.is(said(restarted), 'unknown by none');
    assert.match(restarted.nodes[0]!.why!, /restarted/);
  });
});

test('another process that goes on with it proves what happened since its predecessor began', async () => {
  await withScene({}, async ({judge, takeOver, renew, raw, moving}) => {
    const quiet = await judge(async () => {
      await renew();
      await takeOver();
      await renew();
    });
    assert.is(said(quiet), 'none-seen by backlog');
    const name = moving('late');
    const loud = await judge(async () => {
      await raw.cmd('INCR', name);
      await takeOver();
    });
    assert.equal([said(loud), names(loud.written)], ['seen by backlog', [name]]);
  });
});

test.run();
