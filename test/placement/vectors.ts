/** Reads the golden vectors; where they come from is told in `test/vectors/README.md`. */
import {readFileSync} from 'node:fs';
import {gunzipSync} from 'node:zlib';

export interface VectorCase<Config> {
  readonly name: string;
  readonly config: Config;
  readonly keys: readonly Buffer[];
  /** The owner of each key, as the real system named it; null where it places the key nowhere. */
  readonly owners: readonly (string | null)[];
}

export interface RawHash {
  readonly hash: string;
  /** Unsigned decimals, one for each key. */
  readonly values: readonly string[];
}

interface Stored {
  readonly keySets: readonly (readonly string[])[];
  readonly cases: readonly {
    readonly name: string;
    readonly config: unknown;
    readonly keySet: number;
    readonly distinct: readonly (string | null)[];
    readonly owners: readonly number[];
  }[];
}

export function vectorCases<Config>(system: string): readonly VectorCase<Config>[] {
  const {keySets, cases} = load(system) as Stored;
  const keys = keySets.map(decoded);
  return cases.map(({name, config, keySet, distinct, owners}) => ({
    name,
    config: config as Config,
    keys: keys[keySet]!,
    owners: owners.map((owner) => distinct[owner] ?? null),
  }));
}

export function rawHashes(): {readonly keys: readonly Buffer[]; readonly hashes: readonly RawHash[]} {
  const {keys_base64, hashes} = load('raw-hashes') as {keys_base64: readonly string[]; hashes: readonly RawHash[]};
  return {keys: decoded(keys_base64), hashes};
}

function decoded(texts: readonly string[]): readonly Buffer[] {
  return texts.map((text) => Buffer.from(text, 'base64'));
}

/** A file as it was recorded, for those that hold something else than keys and owners. */
export function load(system: string): unknown {
  const file = new URL(`../vectors/${system}.json.gz`, import.meta.url);
  return JSON.parse(gunzipSync(readFileSync(file)).toString());
}
