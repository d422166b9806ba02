/**
 * One master and many replicas: `rtopo replicate` from nothing to every link verified, beside the floor of connecting, sending the same
 * orders by hand and asking until the links are up. See README.md.
 *
 *   node bench/fleet.mjs [--replicas 50] [--keys 10000] [--rounds 3] [--at-once 4]
 */
import {spawnSync} from 'node:child_process';
import {writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';
import {cpuSeconds, freePorts, isInstalled, startServer} from './rebalance/servers.mjs';
import {Wire} from './rebalance/wire.mjs';
import {median, printTable, temporaryFolder} from './rig.mjs';

const bin = join(dirname(dirname(fileURLToPath(import.meta.url))), 'bin/run.js');
const {values} = parseArgs({
  options: {
    replicas: {type: 'string', default: '50'},
    keys: {type: 'string', default: '10000'},
    rounds: {type: 'string', default: '3'},
    'at-once': {type: 'string', default: '4'},
  },
});
const [count, keys, rounds, atOnce] = ['replicas', 'keys', 'rounds', 'at-once'].map((name) => Number(values[name]));
if (!isInstalled('redis-server', '--version')) {
  console.log('redis-server is not installed: nothing is measured.');
  process.exit(0);
}

const folder = temporaryFolder();
const servers = [];
for (const [i, port] of (await freePorts(count + 1)).entries())
  servers.push(await startServer(join(folder, `s${i}`), port, ['--repl-diskless-sync-delay', 0, '--hz', 50]));
const [master, ...replicas] = servers;
await fill(master.wire, keys);
const topology = join(folder, 'rtopo.yml');
const list = replicas.map(({address}) => `"${address}"`).join(', ');
writeFileSync(
  topology,
  `version: 1\nname: bench\nshards:\n  - {name: a, master: "${master.address}", replicas: [${list}]}\n`,
);

const CONTENDERS = [
  {name: `by hand, ${atOnce} at a time`, run: () => byHand(atOnce)},
  {name: `rtopo replicate, ${atOnce} at a time`, run: () => rtopo(atOnce)},
  {name: 'by hand, all at once', run: () => byHand(count)},
  {name: 'rtopo replicate, all at once', run: () => rtopo(count)},
];
const runs = new Map(CONTENDERS.map(({name}) => [name, []]));
for (let round = 0; round < rounds; round++) {
  for (const {name, run} of CONTENDERS) {
    await reset();
    const before = used();
    const began = performance.now();
    await run();
    const seconds = (performance.now() - began) / 1000;
    const after = used();
    await check();
    runs.get(name).push({seconds, own: after.own - before.own, servers: after.servers - before.servers});
  }
}
const idle = [];
for (let round = 0; round < rounds; round++) {
  const began = performance.now();
  rtopo(count);
  idle.push((performance.now() - began) / 1000);
}
const of = (name, field) => median(runs.get(name).map((run) => run[field]));
const floorOf = (name) => name.replace('rtopo replicate', 'by hand');
printTable([
  [`1 master, ${count} replicas, ${keys} keys`, 's', '× by hand', 'CPU of it', 'CPU of servers'],
  ...CONTENDERS.map(({name}) => [
    name,
    of(name, 'seconds').toFixed(2),
    (of(name, 'seconds') / of(floorOf(name), 'seconds')).toFixed(2),
    of(name, 'own').toFixed(2),
    of(name, 'servers').toFixed(2),
  ]),
  ['rtopo replicate, nothing to do', median(idle).toFixed(2), '', '', ''],
]);
for (const {wire, stop} of servers) {
  wire.close();
  await stop();
}

/** The whole life of the process: plan, proofs, orders, links, verification. */
function rtopo(parallel) {
  const flags = ['--parallel-syncs', String(parallel), '--timeout', '2m', '--yes', '--json'];
  const {stdout, stderr} = spawnSync(process.execPath, [bin, 'replicate', '-t', topology, ...flags]);
  const {ok, error} = JSON.parse(stdout.toString());
  if (!ok) throw new Error(`${error.message} ${stderr}`);
}

/** What nobody can save: a connection to each, INFO, the order, and INFO until the link is up. It checks nothing else. */
async function byHand(parallel) {
  const waiting = [...replicas];
  const worker = async () => {
    for (let server = waiting.shift(); server !== undefined; server = waiting.shift()) {
      const wire = await Wire.connect(server.port);
      await wire.batch([['INFO']]);
      await wire.batch([['REPLICAOF', '127.0.0.1', master.port]]);
      while (!/master_link_status:up/.test(String((await wire.batch([['INFO', 'replication']]))[0]))) await sleep(25);
      wire.close();
    }
  };
  await Promise.all(Array.from({length: parallel}, worker));
}

/** Empty masters again. */
async function reset() {
  for (const {wire} of replicas) await wire.batch([['REPLICAOF', 'NO', 'ONE'], ['FLUSHALL']]);
  for (;;) {
    const [info] = await master.wire.batch([['INFO', 'replication']]);
    if (/connected_slaves:0\r/.test(String(info))) return;
    await sleep(20);
  }
}

async function check() {
  for (const {wire, address} of replicas) {
    const [size] = await wire.batch([['DBSIZE']]);
    if (Number(size) !== keys) throw new Error(`${address} holds ${size} keys instead of ${keys}`);
  }
}

function used() {
  const own = cpuSeconds('self') ?? 0;
  return {own, servers: servers.reduce((sum, {pid}) => sum + (cpuSeconds(pid) ?? 0), 0)};
}

async function fill(wire, total) {
  for (let at = 0; at < total; at += 500) {
    const commands = Array.from({length: Math.min(500, total - at)}, (_, i) => [
      'SET',
      `user:${at + i}`,
      'x'.repeat(100),
    ]);
    await wire.batch(commands);
  }
}
