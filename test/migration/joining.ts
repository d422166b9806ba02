/** The case that the tests of sudden ends repeat: a third shard joins two. */
import type {Snapshot} from '../rig/checker.js';
import {fill} from '../rig/data.js';
import type {Rig, Server} from '../rig/servers.js';
import {everything, type Field, field, flushAll, placer, topologyText} from './field.js';

/** Three servers for one case at a time; the third one joins. */
export interface Lane {
  readonly servers: readonly Server[];
  readonly rig: Rig;
}

export interface Case {
  readonly home: Field;
  readonly from: string;
  readonly before: Snapshot;
  readonly args: readonly string[];
}

/** Two shards full of keys of every kind, and the command that adds the third. */
export async function prepare({servers, rig}: Lane, seed: number): Promise<Case> {
  await flushAll(servers);
  const [a, b, c] = servers as [Server, Server, Server];
  const placement = '{scheme: ketama, hash: md5}';
  const shards = [
    {name: 'a', address: a.address},
    {name: 'b', address: b.address},
  ];
  const from = topologyText(placement, shards);
  const place = placer(from, servers);
  await fill(servers, {seed, keys: 60, place});
  // One source has a second database, so that batches of several databases follow each other.
  const next = placer(topologyText(placement, [...shards, {name: 'c', address: c.address}]), servers);
  const keys = Array.from({length: 200}, (_, i) => Buffer.from(`elsewhere:${i}`));
  const moving = keys.filter((key) => place(key) === 0 && next(key) === 2).slice(0, 6);
  await a.raw.pipeline([['SELECT', 3], ...moving.map((key) => ['SET', key, 'x', 'PX', 7_654_321]), ['SELECT', 0]]);
  const before = await everything(servers);
  return {home: field(rig, from), from, before, args: ['rebalance', '--add', `c=${c.address}`, '--yes', '--json']};
}
