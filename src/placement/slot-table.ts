/**
 * Fixed slots: slot = hash(key) % count, and every slot belongs to one shard. What Redis Cluster's slots and those of Codis share.
 *
 * With `slots` each shard is given its slots by name. Without it the slots are split into contiguous ranges in the order of the
 * file, in proportion to the weights: three equal shards get 0-5460, 5461-10922 and 10923-16383 of 16384.
 */
import * as v from 'valibot';
import type {HashFunction} from './hash/hash.js';
import {placementFrom, type Scheme, type SchemeTraits, type ShardIdentity} from './placement.js';
import {listed, notThese, Problems, quoted, suggestion} from './problems.js';
import type {TagRule} from './tag.js';
import {idleWeights, totalWeight} from './weights.js';

const nobody = -1;

/** The options of a scheme with `count` slots. */
function optionsOf(name: string, count: number) {
  return v.strictObject(
    {
      /** Slots by name of shard, as `CLUSTER NODES` writes them with commas between: `0-5460,9000`. All of them, each once. */
      slots: v.exactOptional(
        v.record(
          v.string(),
          v.union([v.string(), v.number()], 'Slots of a shard are written as "0-5460,9000".'),
          `Option slots must be a mapping from shards to their slots, such as {a: "0-${Math.ceil(count / 3) - 2},${count - 1}"}.`,
        ),
      ),
    },
    notThese(`Scheme ${name}`, ['slots', 'hashTag']),
  );
}

export type SlotOptions = v.InferOutput<ReturnType<typeof optionsOf>>;

const split: SchemeTraits = {identity: 'order', assignedBy: null, movement: 'shifting'};
const assigned: SchemeTraits = {identity: 'name', assignedBy: 'slots', movement: 'assigned'};

export interface Slots extends Pick<Scheme, 'name' | 'summary'> {
  /** A power of two. */
  readonly count: number;
  readonly hash: HashFunction;
  /** For the explanation: `crc16 = 0x31c3`. */
  readonly shown: (hash: number) => string;
  readonly tag: TagRule;
}

export function slotScheme({name, summary, count, hash, shown, tag}: Slots): Scheme<SlotOptions> {
  const traits = (given: SlotOptions): SchemeTraits => (given.slots === undefined ? split : assigned);
  return {
    name,
    summary,
    movement:
      'As many as the changed slots hold: the minimum when `slots` assigns them with care, about half of the keys when an even split gets one shard more.',
    options: optionsOf(name, count),
    tag: () => tag,
    traits,
    build(shards, given, rule) {
      const owners = given.slots === undefined ? evenSplit(shards, count) : assignedSlots(shards, given.slots, count);
      const idle = given.slots === undefined ? [] : idleWeights('option slots assigns the slots', shards);
      return placementFrom({
        scheme: name,
        shards,
        traits: traits(given),
        tag: rule,
        owner: (bytes, start, end) => owners[hash(bytes, start, end) & (count - 1)]!,
        byHash: {hash, ownerOfHash: (value) => owners[value & (count - 1)]!},
        facts: (hashed) => {
          const value = hash(hashed, 0, hashed.length);
          const slot = value & (count - 1);
          const range = `${rangeAround(owners, slot)} of ${quoted(shards[owners[slot]!]!.name)}`;
          return [
            {label: 'hash', value: shown(value)},
            {label: 'slot', value: String(slot)},
            {label: 'range', value: range},
          ];
        },
        warnings: [...idle, ...withoutSlots(shards, owners)],
      });
    },
  };
}

/** Contiguous ranges in the order of the file; a border lies where the weights so far have their share, rounded. */
function evenSplit(shards: readonly ShardIdentity[], slotCount: number): Int32Array {
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
function assignedSlots(
  shards: readonly ShardIdentity[],
  given: Readonly<Record<string, string | number>>,
  slotCount: number,
): Int32Array {
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
    for (const [first, last] of rangesIn(name, text, slotCount, problems)) {
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
  problems.refuse(`Assign each of the slots 0 to ${slotCount - 1} to one shard.`);
  return owners;
}

/** `0-5460,9000` as pairs of first and last. */
function rangesIn(name: string, text: string | number, slotCount: number, problems: Problems): [number, number][] {
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
