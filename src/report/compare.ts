import {isUtf8} from 'node:buffer';
import type {Balance, Comparison} from '../placement/compare.js';
import type {Placement} from '../placement/placement.js';

/** Which keys were judged: synthetic ones, or a sample of the live ones. */
export type KeySource = 'synthetic' | 'live';

/** What `rtopo locate --to FILE` found without keys: how many move between which shards. */
export interface CompareReport extends Comparison {
  readonly source: KeySource;
  readonly from: {readonly scheme: string; readonly shards: readonly string[]};
  readonly to: {readonly scheme: string; readonly shards: readonly string[]};
}

/** What `rtopo locate --balance` found. */
export interface BalanceReport extends Balance {
  readonly source: KeySource;
  readonly scheme: string;
}

/** One key before and after a change. Owners are null where the clients place the key nowhere. */
export interface ComparedKey {
  readonly key?: string;
  /** Instead of `key` when it is not UTF-8. */
  readonly keyBase64?: string;
  readonly from: string | null;
  readonly to: string | null;
  readonly moved: boolean;
}

/** What `rtopo locate --to FILE KEY…` found. */
export interface ComparedKeys {
  readonly keys: readonly ComparedKey[];
  readonly moved: number;
}

export interface Sides {
  readonly from: Placement;
  readonly to: Placement;
}

export function comparedKey(key: Buffer, {from, to}: Sides): ComparedKey {
  const owner = (placement: Placement): string | null =>
    placement.shards[placement.ownerIndex(key, 0, key.length)]?.name ?? null;
  const [before, after] = [owner(from), owner(to)];
  const text = isUtf8(key) ? {key: key.toString()} : {keyBase64: key.toString('base64')};
  return {...text, from: before, to: after, moved: before !== after};
}

export function comparedKeys(keys: readonly Buffer[], sides: Sides): ComparedKeys {
  const compared = keys.map((key) => comparedKey(key, sides));
  return {keys: compared, moved: compared.filter(({moved}) => moved).length};
}
