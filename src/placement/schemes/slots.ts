/**
 * Redis Cluster's 16384 slots without the cluster: slot = CRC16(key) & 16383, and every slot belongs to one shard.
 * Source: Redis Cluster specification, "Key distribution model".
 *
 * With `slots` each shard is given its slots by name. Without it the slots are split into contiguous ranges in the order of the
 * file, in proportion to the weights: three equal shards get 0-5460, 5461-10922 and 10923-16383.
 */
import * as v from 'valibot';
import {crc16} from '../hash/crc16.js';
import {placementFrom, type Scheme, type SchemeTraits, type ShardIdentity} from '../placement.js';
import {listed, notThese, Problems, quoted, suggestion} from '../problems.js';
import {redisClusterTag} from '../tag.js';
import {idleWeights, totalWeight} from '../weights.js';

const slotCount = 16384;
const nobody = -1;

const options = v.strictObject(
  {
    /** Slots by name of shard, as `CLUSTER NODES` writes them with commas between: `0-5460,9000`. All 16384, each once. */
    slots: v.exactOptional(
      v.record(
        v.string(),
        v.union([v.string(), v.number()], 'Slots of a shard are written as "0-5460,9000".'),
        'Option slots must be a mapping from shards to their slots, such as {a: "0-5460,9000"}.',
      ),
    ),
  },
  notThese('Scheme slots', ['slots', 'hashTag']),
);

const split: SchemeTraits = {identity: 'order', assignedBy: null, movement: 'shifting'};
const assigned: SchemeTraits = {identity: 'name', assignedBy: 'slots', movement: 'assigned'};

export const slots: Scheme<v.InferOutput<typeof options>> = {
  name: 'slots',
  summary: "Redis Cluster's 16384 slots, split evenly or assigned by name",
  movement:
    'As many as the changed slots hold: the minimum when `slots` assigns them with care, about half of the keys when an even split gets one shard more.',
  options,
  tag: () => redisClusterTag,
  traits: (given) => (given.slots === undefined ? split : assigned),
  build(shards, given, tag) {
    const owners = given.slots === undefined ? evenSplit(shards) : assignedSlots(shards, given.slots);
    const idle = given.slots === undefined ? [] : idleWeights('option slots assigns the slots', shards);
    return placementFrom({
      scheme: 'slots',
      shards,
      traits: slots.traits(given),
      tag,
      owner: (bytes, start, end) => owners[crc16(bytes, start, end) & (slotCount - 1)]!,
      byHash: {hash: crc16, ownerOfHash: (hash) => owners[hash & (slotCount - 1)]!},
      facts: (hashed) => {
        const value = crc16(hashed, 0, hashed.length);
        const slot = value & (slotCount - 1);
        const owner = owners[slot]!;
        const range = rangeAround(owners, slot);
        return [
          {label: 'hash', value: `crc16 = 0x${value.toString(16).padStart(4, '0')}`},
          {label: 'slot', value: String(slot)},
          {label: 'range', value: `${range} of ${quoted(shards[owner]!.name)}`},
        ];
      },
      warnings: [...idle, ...withoutSlots(shards, owners)],
    });
  },
};

/** Contiguous ranges in the order of the file; a border lies where the weights so far have their share, rounded. */
function evenSplit(shards: readonly ShardIdentity[]): Int32Array {
  const problems = new Problems();
  shards.forEach(({name, weight}, index) => {
    if (!(Number.isFinite(weight) && weight >= 0))
      problems.inShard(index, 'weight', `Shard ${quoted(name)} has the weight ${weight}; slots need 0 or more.`);
  });
  problems.refuse();
  const total = totalWeight(shards);
  if (total === 0) problems.inShard(0, 'weight', 'No shard has a weight above 0, so the slots have no owner.');
  problems.refuse();
  const owners = new Int32Array(slotCount);
  let weight = 0;
  let from = 0;
  shards.forEach((shard, index) => {
    weight += shard.weight;
    const to = Math.round(slotCount * (weight / total));
    owners.fill(index, from, to);
    from = to;
  });
  return owners;
}

/** The slots as assigned by name: every slot once, every name a shard. */
function assignedSlots(shards: readonly ShardIdentity[], given: Readonly<Record<string, string | number>>): Int32Array {
  const problems = new Problems();
  const owners = new Int32Array(slotCount).fill(nobody);
  const names = shards.map((shard) => shard.name);
  for (const [name, text] of Object.entries(given)) {
    const owner = names.indexOf(name);
    if (owner === -1) {
      problems.inOption(
        ['slots', name],
        `Option slots names ${quoted(name)}, which is no shard.${suggestion(name, names)}`,
      );
    }
    for (const [first, last] of rangesIn(name, text, problems)) {
      const taken = owners.subarray(first, last + 1).findIndex((other) => other !== nobody);
      if (taken !== -1) {
        const other = names[owners[first + taken]!] ?? 'an unknown shard';
        problems.inOption(
          ['slots', name],
          `Slot ${first + taken} is given to ${quoted(name)} and already to ${quoted(other)}.`,
        );
      } else owners.fill(owner === -1 ? shards.length : owner, first, last + 1);
    }
  }
  const free = rangesOf(owners, nobody);
  if (free.length > 0)
    problems.inOption(['slots'], `No shard owns ${free.length === 1 ? '' : 'the '}slots ${listed(free)}.`);
  problems.refuse('Assign each of the slots 0 to 16383 to one shard.');
  return owners;
}

/** `0-5460,9000` as pairs of first and last. */
function rangesIn(name: string, text: string | number, problems: Problems): [number, number][] {
  const ranges: [number, number][] = [];
  for (const part of String(text).split(',')) {
    const [, first, last] = /^\s*([0-9]+)(?:-([0-9]+))?\s*$/.exec(part) ?? [];
    const range: [number, number] = [Number(first), Number(last ?? first)];
    if (range[0] <= range[1] && range[1] < slotCount) ranges.push(range);
    // A shard that shall own nothing yet has an empty list.
    else if (String(text).trim() !== '')
      problems.inOption(
        ['slots', name],
        `${quoted(part.trim())} of shard ${quoted(name)} is neither a slot from 0 to ${slotCount - 1} nor a range such as "0-5460".`,
      );
  }
  return ranges;
}

/** The slots of `owner` as texts: `0-5460`, `9000`. */
function rangesOf(owners: Int32Array, owner: number): string[] {
  const ranges: string[] = [];
  for (let slot = owners.indexOf(owner); slot !== -1; ) {
    let end = slot;
    while (owners[end] === owner) end++;
    ranges.push(end - slot === 1 ? `${slot}` : `${slot}-${end - 1}`);
    slot = owners.indexOf(owner, end);
  }
  return ranges;
}

/** The run of slots with one owner around `slot`. */
function rangeAround(owners: Int32Array, slot: number): string {
  let first = slot;
  let last = slot;
  while (owners[first - 1] === owners[slot]) first--;
  while (owners[last + 1] === owners[slot]) last++;
  return first === last ? `${slot}` : `${first}-${last}`;
}

function withoutSlots(shards: readonly ShardIdentity[], owners: Int32Array): string[] {
  const busy = new Set(owners);
  return shards
    .filter((_, index) => !busy.has(index))
    .map((shard) => `Shard ${quoted(shard.name)} owns no slot, so it owns no key.`);
}
