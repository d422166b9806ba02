/**
 * Who moves the keys. A contender sets a stage up with `stage()`, is started as `command(stage)` says, and may be missing on a machine:
 * then it says how to get it. New flags of `rtopo rebalance` belong into `rtopo()`.
 */
import {spawnSync} from 'node:child_process';
import {readFileSync, statSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {ringFile, ringOf, shardNames} from './ring.mjs';
import {isInstalled} from './servers.mjs';
import {clusterStage, phpStage, plainStage} from './stages.mjs';

const PHP_KEYS = 20_000;
/** For those that read how long a key has to live and write it down again a moment later. */
const expiryToleranceMs = 10_000;

/** @param {{folder: string, bin: string, rtopoArgs: string[], variants: object[], plain: () => object, cluster: () => object, data: object}} bench */
export function contenders(bench) {
  return [
    pump(bench, 'c-pump', 'move'),
    pump(bench, 'c-pump-copy', 'copy'),
    rtopo(bench, 'rtopo', {}),
    rtopo(bench, 'rtopo-copy', {args: ['--no-prune'], copyOnly: true}),
    rtopo(bench, 'rtopo-aof-everysec', {targetArgs: ['--appendonly', 'yes', '--appendfsync', 'everysec']}),
    rtopo(bench, 'rtopo-aof-always', {targetArgs: ['--appendonly', 'yes', '--appendfsync', 'always']}),
    ...bench.variants.map(({name, args}) => rtopo(bench, name, {args})),
    script(bench, 'migrate-1000', 'migrate.mjs'),
    script(bench, 'ioredis-pump', 'ioredis-pump.mjs'),
    ...[10, 100, 1000].map((pipeline) => redisCli(bench, pipeline)),
    phpredis(bench),
  ];
}

function rtopo({folder, bin, rtopoArgs, plain}, name, {args = [], targetArgs, copyOnly}) {
  return {
    name,
    missing: () => null,
    stage: async () => plainStage(folder, await plain(), {targetArgs, copyOnly}),
    command({dir, servers, target}) {
      const topology = join(dir, 'rtopo.yml');
      const shards = servers.slice(0, 2).map(({address}, i) => `  - {name: ${shardNames[i]}, master: "${address}"}\n`);
      writeFileSync(topology, `version: 1\nname: bench\nplacement: {scheme: ketama}\nshards:\n${shards.join('')}`);
      const change = ['--topology', topology, '--add', `${shardNames[2]}=${target.address}`];
      const consent = targetArgs === undefined ? ['--accept-volatile', target.address] : [];
      const flags = [...change, '--yes', '--json', ...consent, ...args, ...rtopoArgs];
      return {argv: [process.execPath, bin, 'rebalance', ...flags], env: {RTOPO_STATE: join(dir, 'state')}};
    },
    inspect: ({stdout, seconds}) => journalOf(JSON.parse(stdout).result, seconds),
  };
}

/**
 * Seconds of each phase by the journal's clock: a phase lasts until the next one is entered, what comes before the first is the
 * start and the plan. And how large the journal has become.
 */
function journalOf({seconds, journal}, wallSeconds) {
  const lines = readFileSync(journal, 'latin1').trimEnd().split('\n');
  const entered = lines.filter((line) => line.includes('"type":"phase"')).map((line) => JSON.parse(line));
  const last = JSON.parse(lines.at(-1));
  const phases = {'start and plan': wallSeconds - seconds, run: seconds};
  for (const [i, {phase, t}] of entered.entries()) phases[`… ${phase}`] = ((entered[i + 1] ?? last).t - t) / 1000;
  return {phases, journalMegabytes: statSync(journal).size / 2 ** 20};
}

function pump({folder, plain}, name, mode) {
  const [program, ring] = [join(folder, 'pump'), join(folder, 'ring')];
  return {
    name,
    missing() {
      const argv = ['-O2', '-o', program, peer('pump.c'), '-lhiredis', '-lpthread'];
      const isCompiled = spawnSync('cc', argv, {stdio: 'ignore'}).status === 0;
      writeFileSync(ring, ringFile(ringOf(shardNames)));
      return isCompiled ? null : 'a C compiler and hiredis: apt-get install gcc libc6-dev libhiredis-dev';
    },
    stage: async () => plainStage(folder, await plain(), {copyOnly: mode === 'copy', expiryToleranceMs}),
    command: ({servers: [a, b, c]}) => ({argv: [program, ring, 2, c.port, mode, a.port, b.port].map(String)}),
  };
}

function script({folder, plain}, name, file) {
  return {
    name,
    missing: () => null,
    stage: async () => plainStage(folder, await plain(), {expiryToleranceMs}),
    command: ({servers: [a, b, c]}) => ({argv: [process.execPath, peer(file), c.port, a.port, b.port].map(String)}),
  };
}

function redisCli({folder, cluster}, pipeline) {
  return {
    name: `redis-cli-${pipeline}`,
    missing: () => (isInstalled('redis-cli', '--version') ? null : 'redis-cli: apt-get install redis-tools'),
    stage: async () => clusterStage(folder, await cluster()),
    command: ({source}) => ({
      argv: [
        ...['redis-cli', '--cluster', 'rebalance', source.address],
        ...['--cluster-use-empty-masters', '--cluster-pipeline', `${pipeline}`],
      ],
    }),
  };
}

/** Strings only, and few of them: it takes about a thousand a second. */
function phpredis({folder, data}) {
  const script = peer('rehash.php');
  return {
    name: 'phpredis',
    missing: () =>
      isInstalled('php', '-r', 'new RedisArray([]);') ? null : 'PHP with phpredis: apt-get install php-cli php-redis',
    stage: () => phpStage(folder, {script, keys: Math.min(PHP_KEYS, data.keys), valueBytes: data.valueBytes}),
    command: ({servers}) => ({
      argv: ['php', script, 'rehash', '0', '0', ...servers.map(({address}) => address)],
    }),
  };
}

function peer(name) {
  return fileURLToPath(new URL(`../peers/${name}`, import.meta.url));
}
