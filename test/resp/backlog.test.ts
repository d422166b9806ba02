/** May a piece of a backlog be asked for? By what INFO says, as values; a server that is asked for too much forks. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {type Info, parseInfo} from '../../src/redis/info.js';
import {objectionTo} from '../../src/redis/resp/backlog.js';

const test = suite('resp/backlog');

const replid = 'a'.repeat(40);

/** Held: bytes 1001 to 2000, in a backlog that is full. */
function info(change: Readonly<Record<string, string | number>> = {}, behind = ''): Info {
  const fields = {
    role: 'master',
    master_replid: replid,
    master_repl_offset: 2000,
    repl_backlog_active: 1,
    repl_backlog_size: 1000,
    repl_backlog_first_byte_offset: 1001,
    repl_backlog_histlen: 1000,
    ...change,
  };
  return parseInfo(
    `${Object.entries(fields)
      .map(([name, value]) => `${name}:${value}`)
      .join('\r\n')}${behind}`,
  );
}

function judge(
  fromOffset: number,
  options: {now?: Info; earlier?: Info; toOffset?: number; wantedReplicas?: number} = {},
): string {
  const {now = info(), earlier = now, toOffset = 2000, wantedReplicas = null} = options;
  return objectionTo({replid, fromOffset, toOffset}, {earlier, info: now, wantedReplicas}) ?? 'may be asked for';
}

const roomy = {repl_backlog_size: 1_000_000};

const cases: readonly [string, string, RegExp][] = [
  ['the middle', judge(1500), /^may/],
  ['nothing', judge(2000), /^may/],
  ['all of it, while there is room for more', judge(1000, {now: info(roomy)}), /^may/],
  ['all of it, at the brink', judge(1000), /^is about to overwrite/],
  ['a byte more', judge(999, {now: info(roomy)}), /^has overwritten/],
  ['beyond the end', judge(1500, {toOffset: 2001}), /^is not as far/],
  ['backwards', judge(1500, {toOffset: 1499}), /^is not as far/],
  ['from before the beginning', judge(-1), /^is not as far/],
  ['no number', judge(Number.NaN), /^is not as far/],
  [
    '100 bytes a round trip, 500 bytes of room',
    judge(1500, {earlier: info({master_repl_offset: 1900})}),
    /^is about to overwrite/,
  ],
  ['60 bytes a round trip, 500 bytes of room', judge(1500, {earlier: info({master_repl_offset: 1940})}), /^may/],
  [
    'the same with an empty backlog',
    judge(1500, {earlier: info({master_repl_offset: 1900}), now: info(roomy)}),
    /^may/,
  ],
  ['a replica', judge(1500, {now: info({role: 'slave'})}), /^is no master/],
  ['another history', judge(1500, {now: info({master_replid: 'b'.repeat(40)})}), /^has begun another history/],
  ['no backlog', judge(1500, {now: info({repl_backlog_active: 0})}), /^keeps no backlog/],
  ['a size that is no number', judge(1500, {now: info({repl_backlog_size: 'big'})}), /^does not describe/],
  [
    'an injected line',
    judge(1500, {now: info({}, '\r\nrepl_backlog_size:999999999')}),
    /^prints repl_backlog_size twice/,
  ],
  ['a line that nobody reads, twice', judge(1500, {now: info({x: 1}, '\r\nx:2')}), /^may/],
  ['no limit on replicas', judge(1500, {wantedReplicas: 2}), /^may/],
  ['enough replicas', judge(1500, {now: info({min_slaves_good_slaves: 2}), wantedReplicas: 2}), /^may/],
  ['one too few', judge(1500, {now: info({min_slaves_good_slaves: 1}), wantedReplicas: 2}), /^lacks one replica/],
  ['two too few', judge(1500, {now: info({min_slaves_good_slaves: 0}), wantedReplicas: 2}), /^may/],
  ['a number that may not be read', judge(1500, {now: info({min_slaves_good_slaves: 2})}), /^takes writes only while/],
];

for (const [what, found, says] of cases) test(what, () => assert.match(found, says));

test.run();
