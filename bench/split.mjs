/**
 * A shard is split in two: are keys copied faster, or is the new server filled as a replica and both drop what they do not own? See README.md.
 *
 *   node bench/split.mjs [--megabytes 30] [--rounds 3] [--delay 0]
 */
import {spawnSync} from 'node:child_process';
import {mkdirSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';
import {childrenCpuSeconds, cpuSeconds, freePorts, isInstalled, startServer} from './rebalance/servers.mjs';
import {median, printTable, temporaryFolder} from './rig.mjs';

const bin = join(dirname(dirname(fileURLToPath(import.meta.url))), 'bin/run.js');
/** Small keys take their time each, large values by what they hold: so much more of them is needed to see it. */
const DATA = [
  {valueBytes: 100, times: 1},
  {valueBytes: 2000, times: 4},
  {valueBytes: 20_000, times: 10},
];
const WAYS = ['copy', 'replicate'];

const {values} = parseArgs({
  options: {
    megabytes: {type: 'string', default: '30'},
    rounds: {type: 'string', default: '3'},
    // Of repl-diskless-sync-delay, in seconds: servers come with 5. It is a constant of the estimate, and waiting for it measures nothing.
    delay: {type: 'string', default: '0'},
  },
});
if (!isInstalled('redis-server', '--version')) {
  console.log('redis-server is not installed: nothing is measured.');
  process.exit(0);
}

const folder = temporaryFolder();
const rows = [];
for (const {valueBytes, times} of DATA) {
  const keys = Math.round((times * Number(values.megabytes) * 1e6) / (valueBytes + 60));
  const runs = new Map(WAYS.map((via) => [via, []]));
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const via of WAYS) runs.get(via).push(await split({keys, valueBytes, via, round}));
  }
  const of = (via, field) => median(runs.get(via).map((run) => run[field]));
  const ratio = of('copy', 'seconds') / of('replicate', 'seconds');
  const cells = WAYS.flatMap((via) => ['seconds', 'rtopo', 'servers'].map((field) => of(via, field).toFixed(2)));
  rows.push([`${valueBytes} B`, keys.toLocaleString('en-US'), ...cells, ratio.toFixed(2)]);
}
const heads = WAYS.flatMap((via) => [`${via} s`, 'CPU rtopo', 'CPU servers']);
printTable([['values', 'keys', ...heads, 'copy / replicate'], ...rows]);

/**
 * One run on fresh servers: the seconds that rtopo itself says it took, without the start of its process and the counting of the plan,
 * and the processor time of all of it, which another load on the machine changes less.
 */
async function split({keys, valueBytes, via, round}) {
  const dir = join(folder, `${valueBytes}-${via}-${round}`);
  mkdirSync(dir);
  const args = ['--appendonly', 'no', '--repl-diskless-sync-delay', values.delay];
  const ports = await freePorts(2);
  const [a, b] = [await startServer(join(dir, 'a'), ports[0], args), await startServer(join(dir, 'b'), ports[1], args)];
  const used = () => ({
    rtopo: childrenCpuSeconds() ?? 0,
    servers: (cpuSeconds(a.pid) ?? 0) + (cpuSeconds(b.pid) ?? 0),
  });
  try {
    await fill(a.wire, keys, valueBytes);
    const topology = join(dir, 'rtopo.yml');
    writeFileSync(
      topology,
      `version: 1\nname: bench\nplacement: {scheme: ketama}\nshards:\n  - {name: a, master: "${a.address}"}\n`,
    );
    const flags = ['--add', `b=${b.address}`, '--via', via, '--accept-volatile', b.address, '--yes', '--json'];
    const before = used();
    const run = spawnSync(process.execPath, [
      bin,
      'rebalance',
      '-t',
      topology,
      '--state-dir',
      join(dir, 'state'),
      ...flags,
    ]);
    const {ok, result, error} = JSON.parse(run.stdout.toString());
    if (!ok) throw new Error(`${via}: ${error.message}`);
    if (result.finalCheck.keys !== keys) throw new Error(`${via}: ${result.finalCheck.keys} keys instead of ${keys}`);
    const after = used();
    return {seconds: result.seconds, rtopo: after.rtopo - before.rtopo, servers: after.servers - before.servers};
  } finally {
    for (const server of [a, b]) {
      server.wire.close();
      await server.stop();
    }
  }
}

/** Values that no compression shortens. */
async function fill(wire, keys, valueBytes) {
  let state = 1;
  for (let at = 0; at < keys; at += 500) {
    const commands = [];
    for (let i = at; i < Math.min(keys, at + 500); i++) {
      const value = Buffer.alloc(valueBytes);
      for (let byte = 0; byte < valueBytes; byte++) {
        state = (Math.imul(state, 1103515245) + 12345) >>> 0;
        value[byte] = state >>> 24;
      }
      commands.push(['SET', `user:${i}`, value]);
    }
    await wire.batch(commands);
  }
}
