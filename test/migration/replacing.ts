/** The case that the tests of replaced masters share: two shards under load, one of which moves to an empty server. */
import {writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import * as assert from 'uvu/assert';
import type {RebalanceReport} from '../../src/report/rebalance.js';
import {fill} from '../rig/data.js';
import {type Ledger, moreWrites, startLedger, watchLeaders} from '../rig/ledger.js';
import type {Rig, Server} from '../rig/servers.js';
import {type Field, field, placer, type ShardSketch, topologyText} from './field.js';

export const KETAMA = '{scheme: ketama, hash: md5}';

export const textOf = (shards: readonly (readonly [name: string, server: {readonly address: string}])[]): string =>
  topologyText(
    KETAMA,
    shards.map(([name, {address}]): ShardSketch => ({name, address})),
  );

/** Beside the topology file of the field. */
export function afterFile(home: Field, text: string): string {
  const file = join(dirname(home.file), 'after.yml');
  writeFileSync(file, text);
  return file;
}

export interface Moving {
  readonly home: Field;
  readonly to: string;
  readonly from: string;
  readonly after: string;
}

/** Shards a and b full of keys; b is to move from its server to `next`. */
export async function shardMoves(rig: Rig, [a, b, next]: readonly Server[], keys = 120): Promise<Moving> {
  const from = textOf([
    ['a', a!],
    ['b', b!],
  ]);
  const after = textOf([
    ['a', a!],
    ['b', next!],
  ]);
  const home = field(rig, from);
  await fill([a!, b!], {seed: 7, keys, ttlShare: 0, place: placer(from, [a!, b!])});
  return {home, from, after, to: afterFile(home, after)};
}

/** Runs `change` while clients write to the two, who go where they are taken; nothing of theirs may be lost. */
export async function underLoad(old: Server, next: Server, change: (ledger: Ledger) => Promise<void>): Promise<void> {
  const ledger = startLedger([old, next], 3);
  const leaders = watchLeaders(old, next);
  await moreWrites(ledger, 30);
  await change(ledger);
  await moreWrites(ledger, 30);
  const seen = await leaders.stop();
  await ledger.close();
  assert.equal(await ledger.lostOn(next), [], 'acknowledged writes that the new master does not have');
  assert.is(seen.both, 0, 'two masters');
}

/** The proof of a report that names one replaced shard. */
export function assertProved({replaced}: RebalanceReport, what = ''): void {
  assert.is(replaced?.length, 1, what);
  const [{fencedOffset, promotedOffset, left}] = replaced as [NonNullable<typeof replaced>[number]];
  assert.ok(promotedOffset! >= fencedOffset! && fencedOffset !== null, `${what}: ${fencedOffset} ${promotedOffset}`);
  assert.equal(left, [], what);
}
