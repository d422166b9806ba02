/** Every key on its owner, once. Reads names only, and asks the owner of a misplaced key whether it holds it too. */
import {escapeText} from '../errors.js';
import type {Placement} from '../placement/placement.js';
import {weightShares} from '../placement/weights.js';
import {Connection, type Endpoint, endpointOf} from '../redis/connect.js';
import {RespSocket} from '../redis/resp/socket.js';
import type {ShardVerify, VerifyExample, VerifyReport} from '../report/verify.js';
import type {Instance, Topology} from '../topology/types.js';
import {scanKeys} from './scan.js';

export interface VerifyInput {
  readonly topology: Topology;
  readonly placement: Placement;
  /** Servers that own nothing any more but may still hold keys: removed shards. */
  readonly retired: readonly {readonly name: string; readonly instance: Instance}[];
  readonly timeoutMs: number;
  readonly onProgress?: (keys: number) => void;
}

const EXAMPLES = 20;

interface Tally {
  keys: number;
  misplaced: number;
  duplicates: number;
  readonly examples: VerifyExample[];
}

/** @throws RtopoError exit 5 when a server cannot be asked: a part of the truth is none */
export async function verifyPlacement(input: VerifyInput): Promise<VerifyReport> {
  const servers = [...input.topology.shards.map(({name, master}) => ({name, instance: master})), ...input.retired];
  const tally: Tally = {keys: 0, misplaced: 0, duplicates: 0, examples: []};
  const counted = await Promise.all(servers.map((server, index) => countServer(input, {server, index, tally})));
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
  return {keys: tally.keys, misplaced: tally.misplaced, duplicates: tally.duplicates, shards, examples: tally.examples};
}

interface Counting {
  readonly server: {readonly name: string; readonly instance: Instance};
  readonly index: number;
  readonly tally: Tally;
}

async function countServer(
  input: VerifyInput,
  {server, index, tally}: Counting,
): Promise<{name: string; keys: number; misplaced: number}> {
  const endpoint = endpointOf(server.instance);
  const databases = await databasesOf(endpoint, input.timeoutMs);
  const owners = new Map<number, RespSocket>();
  let [keys, misplaced] = [0, 0];
  const socket = await RespSocket.open(endpoint, input.timeoutMs);
  try {
    for (const db of databases) {
      await socket.select(db);
      for await (const batch of scanKeys(socket)) {
        keys += batch.length;
        tally.keys += batch.length;
        const foreign = batch.filter((key) => input.placement.ownerIndex(key, 0, key.length) !== index);
        misplaced += foreign.length;
        if (foreign.length > 0) await judgeForeign(input, {owners, server, db, keys: foreign, tally});
        input.onProgress?.(tally.keys);
      }
    }
    return {name: server.name, keys, misplaced};
  } finally {
    for (const opened of [socket, ...owners.values()]) opened.close();
  }
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
    const socket = owners.get(owner) ?? (await RespSocket.open(endpointOf(shard.master), input.timeoutMs));
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

async function databasesOf(endpoint: Endpoint, timeoutMs: number): Promise<number[]> {
  const connection = await Connection.open(endpoint, timeoutMs);
  try {
    const info = String(await connection.call('INFO', ['keyspace']));
    return [...info.matchAll(/^db(\d{1,5}):/gm)].map(([, db]) => Number(db));
  } finally {
    connection.close();
  }
}
