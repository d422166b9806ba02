/**
 * Data sets written once, as the RDB files that every run starts its servers from. A seed knows what the move must come to: how many
 * keys change their shard, and what a sample of them holds.
 */
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {commandsOf, keyName, respText} from './data.mjs';
import {ownerOf, ringOf, shardNames, slotOf} from './ring.mjs';
import {freePorts, startServer} from './servers.mjs';

const CHUNK_COMMANDS = 5000;
const CHUNK_BYTES = 1 << 20;
const SAMPLE = 1000;
const SLOTS = 16_384;
const CLUSTER_LIMIT_MS = 30_000;

/** A 2-shard ring of plain servers, and how it looks when `c` joins. */
export async function plainSeed(dir, data) {
  const [before, after] = [ringOf(shardNames.slice(0, 2)), ringOf(shardNames)];
  const given = [0, 0];
  const sample = [];
  const moves = (key, from) => {
    if (ownerOf(after, key) === from) return;
    given[from] += 1;
    if (given[from] <= SAMPLE / 2) sample.push({key, from});
  };
  const ports = await freePorts(2);
  const servers = await Promise.all(ports.map((port, i) => startServer(join(dir, `${i}`), port)));
  const counts = await load(servers, data, (key) => ownerOf(before, key), moves);
  const expected = await Promise.all(
    sample.map(async ({key, from}) => ({key, ...(await contentOf(servers[from].wire, key))})),
  );
  await save(servers);
  const files = servers.map((_, i) => ({rdb: join(dir, `${i}`, 'dump.rdb')}));
  return {files, counts, moving: given[0] + given[1], busiest: given[0] >= given[1] ? 0 : 1, expected, after};
}

/** A cluster of three nodes; the third has no slots yet. The nodes know each other by these ports. */
export async function clusterSeed(dir, data) {
  const ports = await freePorts(3);
  const servers = await Promise.all(ports.map((port, i) => startServer(join(dir, `${i}`), port, clusterArgs)));
  for (const [i, {wire, port}] of servers.entries()) {
    await wire.call('CLUSTER', 'SET-CONFIG-EPOCH', i + 1);
    if (i < 2) await wire.call('CLUSTER', 'ADDSLOTSRANGE', (i * SLOTS) / 2, ((i + 1) * SLOTS) / 2 - 1);
    if (i > 0) await servers[0].wire.call('CLUSTER', 'MEET', '127.0.0.1', port);
  }
  await clusterAgrees(servers);
  const counts = await load(servers.slice(0, 2), data, (key) => (slotOf(key) < SLOTS / 2 ? 0 : 1));
  await save(servers);
  const files = servers.map((_, i) => ({
    rdb: join(dir, `${i}`, 'dump.rdb'),
    nodes: join(dir, `${i}`, 'nodes.conf'),
  }));
  return {files, counts, ports, busiest: 0};
}

export const clusterArgs = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '15000'];

/** Waits until every node sees three nodes and all slots served. */
export async function clusterAgrees(servers) {
  const deadline = Date.now() + CLUSTER_LIMIT_MS;
  for (const {wire} of servers) {
    for (;;) {
      const info = String(await wire.call('CLUSTER', 'INFO'));
      if (/cluster_state:ok/.test(info) && /cluster_known_nodes:3/.test(info) && (await linksAreUp(wire))) break;
      if (Date.now() > deadline) throw new Error(`the cluster does not come together:\n${info}`);
      await sleep(50);
    }
  }
}

async function linksAreUp(wire) {
  const lines = String(await wire.call('CLUSTER', 'NODES'))
    .trim()
    .split('\n');
  return lines.every((line) => !/handshake|fail/.test(line) && / connected/.test(line));
}

/** Writes every key to the server that `place` names. Keys per server. */
async function load(servers, {keys, ...shape}, place, onKey = () => {}) {
  const counts = servers.map(() => 0);
  const queues = servers.map(() => ({text: '', commands: 0}));
  const sent = [];
  const flush = (at) => {
    const {text, commands} = queues[at];
    queues[at] = {text: '', commands: 0};
    return commands === 0 ? null : servers[at].wire.send(Buffer.from(text, 'latin1'), commands, false);
  };
  for (let i = 0; i < keys; i++) {
    const key = Buffer.from(keyName(i));
    const at = place(key);
    const commands = commandsOf(i, shape);
    counts[at] += 1;
    onKey(key, at);
    queues[at].text += respText(commands);
    queues[at].commands += commands.length;
    if (queues[at].commands < CHUNK_COMMANDS && queues[at].text.length < CHUNK_BYTES) continue;
    sent.push(flush(at));
    if (sent.length >= 4) refuseErrors(await sent.shift());
  }
  for (const replies of await Promise.all([...sent, ...servers.map((_, at) => flush(at))])) refuseErrors(replies ?? []);
  return counts;
}

function refuseErrors([first]) {
  if (first instanceof Error) throw new Error(`the data set could not be written: ${first.message}`);
}

async function save(servers) {
  await Promise.all(servers.map(({wire}) => wire.call('SAVE')));
  await Promise.all(servers.map(({stop}) => stop()));
}

/** Type and value of a key as one text, equal for equal contents whatever their order in memory; and its expiry. */
export async function contentOf(wire, key) {
  const type = await wire.call('TYPE', key);
  const [expireAtMs, ...replies] = await wire.batch([['PEXPIRETIME', key], ...readers[type](key)]);
  const texts = replies.map(textOf);
  if (unordered.has(type)) texts[0].sort();
  return {content: JSON.stringify([type, ...texts]), expireAtMs};
}

const unordered = new Set(['hash', 'set']);

const readers = {
  none: () => [],
  string: (key) => [['GET', key]],
  hash: (key) => [['HGETALL', key]],
  list: (key) => [['LRANGE', key, 0, -1]],
  set: (key) => [['SMEMBERS', key]],
  zset: (key) => [['ZRANGE', key, 0, -1, 'WITHSCORES']],
  stream: (key) => [
    ['XRANGE', key, '-', '+'],
    ['XINFO', 'GROUPS', key],
    ['XPENDING', key, 'workers'],
  ],
};

function textOf(reply) {
  if (Array.isArray(reply)) return reply.map(textOf);
  return Buffer.isBuffer(reply) ? reply.toString('latin1') : reply instanceof Error ? reply.message : reply;
}
