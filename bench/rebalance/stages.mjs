/**
 * Where a contender plays: fresh servers with the data set, and the check of what it left behind. `check` throws when a key is
 * lost, left over or not what it was, and tells how many have moved.
 */
import {execFileSync} from 'node:child_process';
import {copyFileSync, linkSync, mkdirSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import {ownerOf, slotOf} from './ring.mjs';
import {clusterAgrees, clusterArgs, contentOf} from './seeds.mjs';
import {freePorts, startServer} from './servers.mjs';
import {scan} from './wire.mjs';

let number = 0;

/**
 * Two shards and an empty third server. Movers that read PTTL and pass it on shift every expiry by the time between: they are allowed
 * a tolerance.
 */
export async function plainStage(folder, seed, {targetArgs = [], copyOnly = false, expiryToleranceMs = 0} = {}) {
  const dir = newDir(folder);
  const ports = await freePorts(3);
  const servers = await Promise.all(
    ports.map((port, i) => startServer(withFiles(join(dir, `${i}`), seed.files[i]), port, i === 2 ? targetArgs : [])),
  );
  const check = async () => {
    const counts = await sizes(servers);
    const left = copyOnly ? seed.counts : null;
    if (left === null) expectSum(counts, seed.counts);
    else expectEqual(counts.slice(0, 2), left, 'keys of the sources');
    expectEqual(counts[2], seed.moving, 'keys of the target');
    await expectPlaced(copyOnly ? [servers[2]] : servers, (key) => servers[ownerOf(seed.after, key)]);
    for (const {key, content, expireAtMs} of seed.expected) {
      const found = await contentOf(servers[2].wire, key);
      expectEqual(found.content, content, `the value of ${key}`);
      const isNear = Math.abs(found.expireAtMs - expireAtMs) <= expiryToleranceMs;
      if (!isNear) expectEqual(found.expireAtMs, expireAtMs, `the expiry of ${key}`);
    }
    return seed.moving;
  };
  return {dir, servers, source: servers[seed.busiest], target: servers[2], check, close: () => close(dir, servers)};
}

/** A cluster of two nodes with all slots and a third with none. */
export async function clusterStage(folder, seed) {
  const dir = newDir(folder);
  const servers = await Promise.all(
    seed.ports.map((port, i) => startServer(withFiles(join(dir, `${i}`), seed.files[i]), port, clusterArgs)),
  );
  await clusterAgrees(servers);
  const check = async () => {
    const counts = await sizes(servers);
    expectSum(counts, seed.counts);
    const owners = new Array(16_384);
    for (const [first, last, [, port]] of await servers[0].wire.call('CLUSTER', 'SLOTS')) {
      owners.fill(
        servers.find((server) => server.port === port),
        first,
        last + 1,
      );
    }
    await expectPlaced(servers, (key) => owners[slotOf(key)]);
    return counts[2];
  };
  return {dir, servers, source: servers[0], target: servers[2], check, close: () => close(dir, servers)};
}

/** Three servers; phpredis itself writes the keys to two of them, by its own rule, and tells what has moved. */
export async function phpStage(folder, {script, keys, valueBytes}) {
  const dir = newDir(folder);
  const ports = await freePorts(3);
  const servers = await Promise.all(ports.map((port, i) => startServer(join(dir, `${i}`), port)));
  const addresses = servers.map(({address}) => address);
  const php = (verb) =>
    execFileSync('php', [script, verb, keys, valueBytes, ...addresses].map(String), {encoding: 'utf8'});
  const moving = Number(php('load'));
  const check = async () => {
    expectEqual(Number(php('misplaced')), 0, 'misplaced keys');
    expectSum(await sizes(servers), [keys]);
    return moving;
  };
  return {dir, servers, source: servers[1], target: servers[2], check, close: () => close(dir, servers)};
}

function newDir(folder) {
  number += 1;
  const dir = join(folder, `run-${number}`);
  mkdirSync(dir);
  return dir;
}

/** Links to the data, not copies: servers read it once, and put a new file in its place when they write at all. */
function withFiles(dir, files) {
  mkdirSync(dir);
  if (files?.rdb !== undefined) linkSync(files.rdb, join(dir, 'dump.rdb'));
  if (files?.nodes !== undefined) copyFileSync(files.nodes, join(dir, 'nodes.conf'));
  return dir;
}

const sizes = (servers) => Promise.all(servers.map(({wire}) => wire.call('DBSIZE')));

async function expectPlaced(servers, ownerOfKey) {
  await Promise.all(
    servers.map(async (server) => {
      for await (const keys of scan(server.wire)) {
        for (const key of keys) if (ownerOfKey(key) !== server) throw new Error(`${key} is on ${server.address}`);
      }
    }),
  );
}

function expectSum(counts, expected) {
  const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
  expectEqual(sum(counts), sum(expected), `keys of all servers (${counts})`);
}

function expectEqual(found, expected, what) {
  if (String(found) !== String(expected)) throw new Error(`${what}: ${found} instead of ${expected}`);
}

async function close(dir, servers) {
  for (const {wire} of servers) wire.close();
  await Promise.all(servers.map(({stop}) => stop()));
  rmSync(dir, {recursive: true, force: true});
}
