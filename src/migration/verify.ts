/** Every key on its owner, once. Reads names only, and asks the owner of a misplaced key whether it holds it too. */
import {escapeText} from '../errors.js';
import {NO_OWNER, type Placement} from '../placement/placement.js';
import {weightShares} from '../placement/weights.js';
import {endpointOf} from '../redis/connect.js';
import {RespSocket} from '../redis/resp/socket.js';
import type {ShardVerify, VerifyExample, VerifyReport} from '../report/verify.js';
import type {Instance, Topology} from '../topology/types.js';
import {keyspaceOf, sampleKeys} from './sample.js';
import {isReservedAt, type KeyPage, pageOf, scanPages} from './scan.js';

export interface VerifyInput {
  readonly topology: Topology;
  readonly placement: Placement;
  /** Servers that own nothing any more but may still hold keys: removed shards. */
  readonly retired: readonly {readonly name: string; readonly instance: Instance}[];
  readonly timeoutMs: number;
  /** Judge so many keys, taken by chance, instead of all. */
  readonly sample?: number;
  readonly onProgress?: (keys: number) => void;
}

const EXAMPLES = 20;

interface Tally {
  keys: number;
  misplaced: number;
  duplicates: number;
  unplaced: number;
  readonly examples: VerifyExample[];
}

/** @throws RtopoError exit 5 when a server cannot be asked: a part of the truth is none */
export async function verifyPlacement(input: VerifyInput): Promise<VerifyReport> {
  const servers = [...input.topology.shards.map(({name, master}) => ({name, instance: master})), ...input.retired];
  const tally: Tally = {keys: 0, misplaced: 0, duplicates: 0, unplaced: 0, examples: []};
  const sampled = await sampleOf(input, servers);
  const counted = await Promise.all(
    servers.map((server, index) => countServer(input, {server, index, tally, sampled})),
  );
  const shares = weightShares(input.placement.shards);
  const shards = counted.map(
    ({name, keys, misplaced}): ShardVerify => ({
      name,
      keys,
      expectedShare: shares.get(name) ?? null,
      share: tally.keys === 0 ? 0 : keys / tally.keys,
      misplaced,
    }),
  );
  const {keys, misplaced, duplicates, unplaced, examples} = tally;
  const total = sampled === null ? null : sampled.total;
  return {keys, sampledOf: total, misplaced, duplicates, unplaced, shards, examples};
}

/** The sample by number of server, or null when all keys shall be read. */
async function sampleOf({sample, timeoutMs}: VerifyInput, servers: readonly {readonly instance: Instance}[]) {
  if (sample === undefined) return null;
  return sampleKeys({
    servers: servers.map(({instance}) => instance),
    wanted: (keys, total) => Math.ceil((sample * keys) / Math.max(1, total)),
    timeoutMs,
  });
}

interface Counting {
  readonly server: {readonly name: string; readonly instance: Instance};
  readonly index: number;
  readonly tally: Tally;
  readonly sampled: Awaited<ReturnType<typeof sampleOf>>;
}

/** What the server holds in one database, page by page: all of it, or what the sample took of it. */
async function* pagesOf({sampled, index}: Counting, socket: RespSocket, db: number): AsyncGenerator<KeyPage> {
  if (sampled === null) return yield* scanPages(socket);
  const keys = sampled.keys.filter((one) => one.server === index && one.db === db).map(({key}) => key);
  for (let at = 0; at < keys.length; at += 1000) yield pageOf(keys.slice(at, at + 1000));
}

async function countServer(
  input: VerifyInput,
  counting: Counting,
): Promise<{name: string; keys: number; misplaced: number}> {
  const {server, tally} = counting;
  const endpoint = endpointOf(server.instance);
  const databases = (await keyspaceOf(endpoint, input.timeoutMs)).map(({db}) => db);
  const owners = new Map<number, RespSocket>();
  let [keys, misplaced] = [0, 0];
  const socket = await RespSocket.open(endpoint, input.timeoutMs, {readsKeys: true});
  try {
    for (const db of databases) {
      await socket.select(db);
      for await (const page of pagesOf(counting, socket, db)) {
        const found = judgePage(input, counting, page);
        keys += found.keys;
        misplaced += found.foreign.length;
        if (found.foreign.length > 0) await judgeForeign(input, {owners, server, db, keys: found.foreign, tally});
        input.onProgress?.(tally.keys);
      }
    }
    return {name: server.name, keys, misplaced};
  } finally {
    for (const opened of [socket, ...owners.values()]) opened.close();
  }
}

/** The hot loop: nothing is allocated for a key that is where it belongs. */
function judgePage({placement}: VerifyInput, {index, tally}: Counting, {bytes, ranges}: KeyPage) {
  const foreign: Buffer[] = [];
  let keys = 0;
  for (let i = 0; i < ranges.length; i += 2) {
    const [start, end] = [ranges[i]!, ranges[i + 1]!];
    if (isReservedAt(bytes, start, end)) continue;
    keys += 1;
    const owner = placement.ownerIndex(bytes, start, end);
    if (owner === index) continue;
    if (owner === NO_OWNER) tally.unplaced += 1;
    else foreign.push(bytes.subarray(start, end));
  }
  tally.keys += keys;
  return {keys, foreign};
}

interface Foreign {
  readonly owners: Map<number, RespSocket>;
  readonly server: Counting['server'];
  readonly db: number;
  readonly keys: readonly Buffer[];
  readonly tally: Tally;
}

async function judgeForeign(input: VerifyInput, {owners, server, db, keys, tally}: Foreign): Promise<void> {
  tally.misplaced += keys.length;
  const byOwner = new Map<number, Buffer[]>();
  for (const key of keys) {
    const owner = input.placement.ownerIndex(key, 0, key.length);
    byOwner.set(owner, [...(byOwner.get(owner) ?? []), key]);
  }
  for (const [owner, owned] of byOwner) {
    const shard = input.topology.shards[owner]!;
    const socket =
      owners.get(owner) ?? (await RespSocket.open(endpointOf(shard.master), input.timeoutMs, {readsKeys: true}));
    owners.set(owner, socket);
    await socket.select(db);
    const present = await socket.batch(owned.map((key) => ['EXISTS', key]));
    for (const [i, key] of owned.entries()) {
      const kind = present[i] === 1 ? 'duplicate' : 'misplaced';
      if (kind === 'duplicate') tally.duplicates += 1;
      if (tally.examples.length >= EXAMPLES) continue;
      tally.examples.push({
        kind,
        key: escapeText(key.toString('utf8')),
        keyBase64: key.toString('base64'),
        db,
        foundOn: server.name,
        owner: shard.name,
      });
    }
  }
}
