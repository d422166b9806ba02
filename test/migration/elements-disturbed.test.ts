/** What happens in the middle of a copy by elements: writers, consumers, and the death of whoever takes part. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {GUARD_MS, temporaryName} from '../../src/migration/elements/write.js';
import {diffSnapshots, snapshot} from '../rig/checker.js';
import type {Arg} from '../rig/raw.js';
import type {ServerSpec} from '../rig/servers.js';
import {assertTidy, failure, makeLarge, openSocket, type Pair, run, tenThousand, withPair} from './pair.js';

const test = suite('migration/elements disturbed');
const here: ServerSpec = {};

/** The name under which the copy grows. */
const half = temporaryName('test', 0, Buffer.from('k'));

/** A hash, and what is done to it when a part of it was read; what must come of it. */
const interruptions: readonly (readonly [string, (pair: Pair) => Promise<unknown>, string])[] = [
  ['a field set again to what it was', ({from}) => from.raw.cmd('HSET', 'k', 'element 0', 'element 1'), 'again'],
  ['another value', ({from}) => from.raw.cmd('HSET', 'k', 'element 0', 'other'), 'again'],
  ['a new expiry', ({from}) => from.raw.cmd('PEXPIRE', 'k', 4e9), 'again'],
  [
    'another type',
    ({from}) =>
      run(from.raw, [
        ['DEL', 'k'],
        ['SET', 'k', 'v'],
      ]),
    'again',
  ],
  ['a deletion', ({from}) => from.raw.cmd('DEL', 'k'), 'again gone'],
  ['its time', ({from}) => from.raw.cmd('PEXPIRE', 'k', 1), 'again gone'],
  ['another value under its name at the target', ({to}) => to.raw.cmd('SET', 'k', 'theirs'), 'conflict'],
  ['an equal value at the target', ({to}) => to.raw.cmd('HSET', 'k', ...tenThousand), 'equal'],
  ['the half-built copy evicted', ({to}) => to.raw.cmd('DEL', half), 'again'],
  ['the half-built copy touched by somebody', ({to}) => to.raw.cmd('HSET', half, 'foreign', 'field'), 'again'],
  ['nothing', async () => undefined, 'created'],
];

for (const [what, act, outcomes] of interruptions) {
  test(`in the middle of the copy: ${what}`, async () => {
    await withPair([here, here], async (pair) => {
      const {from, to, carry} = pair;
      await from.raw.cmd('HSET', 'k', ...tenThousand);
      let parts = 0;
      const onChunk = async () => {
        parts += 1;
        if (parts === 3) await act(pair);
      };
      const carried = await carry('k', {onChunk});
      assert.ok(parts >= 3);
      assert.ok(outcomes.split(' ').includes(carried.outcome), `${carried.outcome}: ${carried.notes}`);
      await assertTidy(to);
      const held = await to.raw.cmd('EXISTS', 'k');
      assert.is(held, /again|gone/.test(carried.outcome) ? 0 : 1);
      if (carried.outcome === 'conflict') assert.is(String(await to.raw.cmd('GET', 'k')), 'theirs');
    });
  });
}

/** What WATCH does not see. */
const groupActs: readonly (readonly Arg[])[] = [
  ['XACK', 'k', 'g', '1-0'],
  ['XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', '1', 'STREAMS', 'k', '>'],
  ['XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', '1', 'STREAMS', 'k', '0'],
  ['XCLAIM', 'k', 'g', 'd', '0', '1-0'],
  ['XCLAIM', 'k', 'g', 'c', '0', '1-0', 'JUSTID'],
  ['XAUTOCLAIM', 'k', 'g', 'd', '0', '0', 'COUNT', '1'],
  ['XGROUP', 'CREATE', 'k', 'another', '0'],
  ['XGROUP', 'DESTROY', 'k', 'g'],
  ['XGROUP', 'SETID', 'k', 'g', '3-0'],
  ['XGROUP', 'CREATECONSUMER', 'k', 'g', 'e'],
  ['XGROUP', 'DELCONSUMER', 'k', 'g', 'c'],
  ['XSETID', 'k', '5000-0'],
];

for (const act of groupActs) {
  test(`in the middle of the copy of a stream: ${act.join(' ')}`, async () => {
    await withPair([here, here], async ({from, to, carry}) => {
      await from.raw.pipeline(Array.from({length: 2000}, (_, i) => ['XADD', 'k', `${i + 1}-0`, 'f', `value ${i}`]));
      await run(from.raw, [
        ['XGROUP', 'CREATE', 'k', 'g', '0'],
        ['XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', '10', 'STREAMS', 'k', '>'],
      ]);
      let parts = 0;
      const onChunk = async () => {
        parts += 1;
        if (parts === 2) await from.raw.cmd(...act);
      };
      const carried = await carry('k', {onChunk});
      assert.is(carried.outcome, 'again', String(carried.notes));
      await assertTidy(to);
      assert.is(await to.raw.cmd('EXISTS', 'k'), 0);
      assert.is((await carry('k')).outcome, 'created', 'once it is quiet');
    });
  });
}

test('whoever dies in the middle leaves a copy that expires by itself, and the next attempt is not in its way', async () => {
  for (const type of ['hash', 'list', 'set', 'zset', 'string', 'stream']) {
    await withPair(
      [here, {args: ['--appendonly', 'yes', '--appendfsync', 'always']}],
      async ({from, to, target, carry, rig}) => {
        await makeLarge(from.raw, type);
        let parts = 0;
        const onChunk = async () => {
          parts += 1;
          if (parts === 2) target.close();
        };
        assert.is((await failure(carry('k', {onChunk}))).code, 'CONNECTION_LOST');
        await to.restart();
        await rig.until('the server to have loaded', async () => (await to.raw.info('persistence')).loading === '0');
        assert.equal(((await to.raw.cmd('KEYS', '*')) as Buffer[]).map(String), [String(half)]);
        const left = Number(await to.raw.cmd('PTTL', half));
        assert.ok(left > 0 && left <= GUARD_MS, `${type}: ${left} ms to live`);
        const again = await openSocket(to);
        try {
          assert.is((await carry('k', {target: again})).outcome, 'created', type);
        } finally {
          again.close();
        }
        await assertTidy(to);
        assert.equal(diffSnapshots(await snapshot(from), await snapshot(to)), [], type);
      },
    );
  }
});

test.run();
