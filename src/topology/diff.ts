/** What differs between two topologies, as far as placement and addresses go. Shards are the same when their names are. */
import {type Address, type PlacementSpec, type Shard, sameAddress, type Topology} from './types.js';

/** Something that was one thing in the first topology and is another in the second. */
export interface Change<T> {
  readonly from: T;
  readonly to: T;
}

export interface NamedChange<T> extends Change<T> {
  /** Name of the shard, or of the placement option. */
  readonly name: string;
}

export interface TopologyDiff {
  readonly added: readonly Shard[];
  readonly removed: readonly Shard[];
  readonly kept: readonly Change<Shard>[];
  /** Kept shards whose master is another address; no key moves by that. */
  readonly readdressed: readonly NamedChange<Address>[];
  readonly reweighted: readonly NamedChange<number>[];
  /** Kept shards that the client knows by another string; `node`, else the name. */
  readonly renamedNodes: readonly NamedChange<string>[];
  /** A removed and an added shard with the same master address: probably one shard with a new name. */
  readonly renamedShards: readonly (Change<string> & {readonly address: Address})[];
  /** The kept shards stand in another order, which decides in some schemes. */
  readonly reordered: boolean;
  readonly scheme: Change<string | null> | null;
  readonly hashTag: Change<string | null> | null;
  /** Options of the scheme, by name; null where one is not given. */
  readonly options: readonly NamedChange<unknown>[];
  /** Nothing that can change the owner of a key differs. */
  readonly samePlacement: boolean;
}

export function diffTopologies(from: Topology, to: Topology): TopologyDiff {
  const before = new Map(from.shards.map((shard) => [shard.name, shard]));
  const after = new Map(to.shards.map((shard) => [shard.name, shard]));
  const added = to.shards.filter((shard) => !before.has(shard.name));
  const removed = from.shards.filter((shard) => !after.has(shard.name));
  const kept = from.shards.flatMap((shard) => {
    const same = after.get(shard.name);
    return same === undefined ? [] : [{from: shard, to: same}];
  });
  const changes = {
    reweighted: changed(kept, (shard) => shard.weight),
    renamedNodes: changed(kept, (shard) => shard.node ?? shard.name),
    reordered: !sameValue(
      kept.map((one) => one.from.name),
      to.shards.map((shard) => shard.name).filter((name) => before.has(name)),
    ),
    scheme: change(from.placement?.scheme ?? null, to.placement?.scheme ?? null),
    hashTag: change(from.placement?.hashTag ?? null, to.placement?.hashTag ?? null),
    options: changedOptions(from.placement, to.placement),
  };
  return {
    added,
    removed,
    kept,
    readdressed: kept
      .filter((one) => !sameAddress(one.from.master.address, one.to.master.address))
      .map((one) => ({name: one.from.name, from: one.from.master.address, to: one.to.master.address})),
    renamedShards: renamedShards(removed, added),
    ...changes,
    samePlacement:
      added.length + removed.length === 0 &&
      Object.values(changes).every((one) => one === null || one === false || (Array.isArray(one) && one.length === 0)),
  };
}

function changed<T>(kept: readonly Change<Shard>[], read: (shard: Shard) => T): readonly NamedChange<T>[] {
  return kept.flatMap(({from, to}) => {
    const difference = change(read(from), read(to));
    return difference === null ? [] : [{name: from.name, ...difference}];
  });
}

function change<T>(from: T, to: T): Change<T> | null {
  return sameValue(from, to) ? null : {from, to};
}

function changedOptions(from: PlacementSpec | null, to: PlacementSpec | null): readonly NamedChange<unknown>[] {
  const before = from?.options ?? {};
  const after = to?.options ?? {};
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].sort().flatMap((name) => {
    const difference = change<unknown>(before[name] ?? null, after[name] ?? null);
    return difference === null ? [] : [{name, ...difference}];
  });
}

function renamedShards(removed: readonly Shard[], added: readonly Shard[]): TopologyDiff['renamedShards'] {
  return removed.flatMap((old) => {
    const {address} = old.master;
    const fresh = added.find((shard) => sameAddress(shard.master.address, address));
    return fresh === undefined ? [] : [{from: old.name, to: fresh.name, address}];
  });
}

/** Deep equality of plain data; the order of keys does not count, that of lists does. */
function sameValue(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) {
    return Object.is(a, b);
  }
  const keys = Object.keys(a);
  return (
    Array.isArray(a) === Array.isArray(b) &&
    keys.length === Object.keys(b).length &&
    keys.every(
      (key) =>
        Object.hasOwn(b, key) && sameValue((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]),
    )
  );
}
