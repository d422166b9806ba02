/**
 * How fast `rtopo rebalance` moves a third of the keys to a third shard, beside the programs that people use for it and a pump in C
 * that knows no safety: the same data set, in turns, each on fresh servers, each checked afterwards. See README.md.
 */
import {writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {pathToFileURL} from 'node:url';
import {parseArgs} from 'node:util';
import {contenders} from './rebalance/contenders.mjs';
import {keyName} from './rebalance/data.mjs';
import {idlePing, measure} from './rebalance/measure.mjs';
import {ownerOf, ringOf, shardNames} from './rebalance/ring.mjs';
import {clusterSeed, plainSeed, seedDir} from './rebalance/seeds.mjs';
import {isInstalled} from './rebalance/servers.mjs';
import {plainStage} from './rebalance/stages.mjs';
import {installedPackage, median, printTable, temporaryFolder} from './rig.mjs';

const {values: options} = parseArgs({
  options: {
    keys: {type: 'string', default: '1000000'},
    rounds: {type: 'string', default: '5'},
    value: {type: 'string', default: '100'},
    mixed: {type: 'boolean', default: false},
    only: {type: 'string'},
    rtopo: {type: 'string', default: ''},
    out: {type: 'string'},
  },
});
const [keys, rounds, valueBytes] = ['keys', 'rounds', 'value'].map(wholeNumber);
if (!isInstalled('redis-server', '--version')) leave('redis-server is not installed: apt-get install redis-server');

const folder = temporaryFolder();
const data = {keys, valueBytes, mixed: options.mixed, expireAtMs: Date.now() + 86_400_000};
const bench = {
  folder,
  data,
  bin: installedPackage(folder, {manifest: true}),
  rtopoArgs: options.rtopo.split(/\s+/).filter((word) => word !== ''),
  plain: once(() => plainSeed(seedDir(folder, 'plain'), data)),
  cluster: once(() => clusterSeed(seedDir(folder, 'cluster'), data)),
};
await requireSameRing();
const field = chosen(contenders(bench));
const results = new Map(field.map(({name}) => [name, []]));
for (let round = 1; round <= rounds; round++) {
  for (const contender of field) results.get(contender.name).push(await oneRun(contender, round));
}
const idle = await withStage(async () => plainStage(folder, await bench.plain()), idlePing);
report();

/** The ring that the peers and the checks go by is the one of the program that is measured. */
async function requireSameRing() {
  const library = pathToFileURL(join(dirname(dirname(bench.bin)), 'dist/index.js'));
  const {parseTopology, placementOf} = await import(library.href);
  const shards = shardNames.map((name, i) => `  - {name: ${name}, master: "10.0.0.${i}:1"}\n`);
  const text = `version: 1\nname: bench\nplacement: {scheme: ketama}\nshards:\n${shards.join('')}`;
  const placement = parseTopology(text, 'bench.yml').check(placementOf);
  const ring = ringOf(shardNames);
  for (let i = 0; i < 1000; i++) {
    const key = Buffer.from(keyName(i));
    if (placement.ownerOf(key).name !== shardNames[ownerOf(ring, key)]) throw new Error(`${key}: the rings differ`);
  }
}

function chosen(all) {
  const names = options.only?.split(',') ?? all.map(({name}) => name);
  const unknown = names.filter((name) => all.every((contender) => contender.name !== name));
  if (unknown.length > 0) leave(`--only knows ${all.map(({name}) => name).join(', ')}; not ${unknown.join(', ')}`);
  return all.filter((contender) => {
    if (!names.includes(contender.name)) return false;
    const missing = contender.missing();
    if (missing !== null) console.log(`${contender.name}: left out, it needs ${missing}`);
    return missing === null;
  });
}

/** What one run came to; null when it failed, which the exit code will tell. */
async function oneRun({name, stage, command, phases}, round) {
  return withStage(stage, async (place) => {
    const run = await measure(command(place), place);
    try {
      if (run.failure !== null) throw new Error(`${run.failure}\n${run.stderr.slice(-2000)}${run.stdout.slice(-2000)}`);
      const rate = (await place.check()) / run.seconds;
      console.error(`round ${round}: ${name} ${run.seconds.toFixed(2)} s, ${thousands(rate)} keys/s`);
      const {stdout: _, stderr: __, ...figures} = run;
      return {rate, ...figures, phases: phases?.(run) ?? null};
    } catch (error) {
      console.error(`round ${round}: ${name} FAILED: ${error.message}`);
      process.exitCode = 1;
      return null;
    }
  });
}

async function withStage(stage, act) {
  const place = await stage();
  try {
    return await act(place);
  } finally {
    await place.close();
  }
}

function report() {
  const kind = options.mixed ? 'of mixed types' : `strings of ${valueBytes} bytes`;
  console.log(`\n${thousands(keys)} keys, ${kind}, 10 % with an expiry; 2 → 3 shards; medians of ${rounds} in turns`);
  const [rate, base] = [(name) => middle(name, (run) => run.rate), middle('c-pump', (run) => run.rate)];
  const pings = (side) => (name) =>
    ['p50', 'p99', 'max']
      .map((at) =>
        fixed(
          middle(name, (run) => run[side][at]),
          2,
        ),
      )
      .join(' / ');
  printTable([
    ['', 'keys/s', '× c-pump', 'wall s', 'tool CPU s', 'servers CPU s', 'RSS MB', 'PING source ms', 'PING target ms'],
    ...[...results.keys()].map((name) => [
      name,
      rate(name) === null ? 'failed' : thousands(rate(name)),
      ratio(rate(name), base),
      ...[
        ['seconds', 2],
        ['cpu', 1],
        ['serverCpu', 1],
        ['memory', 0],
      ].map(([what, digits]) =>
        fixed(
          middle(name, (run) => run[what]),
          digits,
        ),
      ),
      pings('sourcePing')(name),
      pings('targetPing')(name),
    ]),
    [
      'idle',
      '',
      '',
      '',
      '',
      '',
      '',
      ...['sourcePing', 'targetPing'].map((side) =>
        ['p50', 'p99', 'max'].map((at) => fixed(idle[side][at], 2)).join(' / '),
      ),
    ],
  ]);
  console.log('PING of another client every 5 ms: p50 / p99 / largest');
  reportRtopo(rate);
  if (options.out !== undefined) {
    writeFileSync(options.out, JSON.stringify({options, idle, results: Object.fromEntries(results)}, null, 1));
  }
}

/** Where rtopo spends its time, and how it stands to each of the others. */
function reportRtopo(rate) {
  for (const name of [...results.keys()].filter((name) => name.startsWith('rtopo'))) {
    const known = results.get(name).find((run) => run?.phases)?.phases;
    if (known === undefined) continue;
    const parts = Object.keys(known).map(
      (phase) =>
        `${phase} ${fixed(
          middle(name, (run) => run.phases[phase]),
          2,
        )} s`,
    );
    console.log(`${name}: ${parts.join(', ')}`);
  }
  const copies = ['rtopo-copy', 'c-pump-copy'];
  const others = [...results.keys()].filter((name) => !name.startsWith('rtopo') && !copies.includes(name));
  const standings = others.map((name) => ['rtopo', name]).concat([copies]);
  for (const [own, other] of standings) {
    const text = ratio(rate(own), rate(other));
    if (text !== '–') console.log(`${own} is ${text} × ${other}`);
  }
}

/** The median of something over the rounds that did not fail; null when nobody knows it. */
function middle(name, of) {
  const known = (results.get(name) ?? [])
    .filter((run) => run !== null)
    .map(of)
    .filter((value) => value != null);
  return known.length === 0 ? null : median(known);
}

function fixed(value, digits) {
  return value === null ? '–' : value.toFixed(digits);
}

function ratio(value, base) {
  if (value === null || base === null) return '–';
  return (value / base).toPrecision(2);
}

function thousands(value) {
  return Math.round(value).toLocaleString('en');
}

/** Made when it is needed first: a cluster of a million keys is not for a run of `--only c-pump`. */
function once(make) {
  let made;
  return () => {
    made ??= make();
    return made;
  };
}

function wholeNumber(name) {
  const value = Number(options[name]);
  if (Number.isSafeInteger(value) && value > 0) return value;
  return leave(`--${name} takes a whole number above 0, not '${options[name]}'`);
}

function leave(message) {
  console.error(message);
  process.exit(64);
}
