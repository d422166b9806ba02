/** What the benchmarks of `rtopo rebalance` have in common: the built package, the data sets, and a run with its check. */
import {dirname, join} from 'node:path';
import {pathToFileURL} from 'node:url';
import {installedPackage, temporaryFolder} from '../rig.mjs';
import {keyName} from './data.mjs';
import {measure} from './measure.mjs';
import {ownerOf, ringOf, shardNames} from './ring.mjs';
import {clusterSeed, plainSeed} from './seeds.mjs';
import {isInstalled} from './servers.mjs';

const DAY_MS = 86_400_000;

/**
 * @param {{keys: number, valueBytes: number, mixed: boolean}} shape of the data set
 * @param {{rtopoArgs?: string[], variants?: {name: string, args: string[]}[]}} flags for every `rtopo rebalance`, and for further ones
 */
export async function openBench(shape, {rtopoArgs = [], variants = []} = {}) {
  const folder = temporaryFolder();
  const data = {...shape, expireAtMs: Date.now() + DAY_MS};
  const bin = installedPackage(folder, {manifest: true});
  await requireSameRing(bin);
  return {
    ...{folder, data, bin, rtopoArgs, variants},
    plain: once(() => plainSeed(join(folder, 'plain'), data)),
    cluster: once(() => clusterSeed(join(folder, 'cluster'), data)),
  };
}

/** Without a server there is nothing to measure. */
export function leaveWithoutServer() {
  if (isInstalled('redis-server', '--version')) return;
  console.log('left out: redis-server is not installed (apt-get install redis-server)');
  process.exit();
}

export function leave(message) {
  console.error(message);
  process.exit(64);
}

/** What one run came to; null when the program failed or left something wrong behind, which the exit code will tell. */
export async function oneRun({name, stage, command, inspect}, title) {
  return withStage(stage, async (place) => {
    const run = await measure(command(place), place);
    try {
      if (run.failure !== null) throw new Error(`${run.failure}\n${run.stderr.slice(-2000)}${run.stdout.slice(-2000)}`);
      const moved = await place.check();
      const rate = moved / run.seconds;
      console.error(`${title}: ${name} ${run.seconds.toFixed(2)} s, ${thousands(rate)} keys/s`);
      const {stdout: _, stderr: __, ...figures} = run;
      return {moved, rate, ...figures, ...inspect?.(run)};
    } catch (error) {
      console.error(`${title}: ${name} FAILED: ${error.message}`);
      process.exitCode = 1;
      return null;
    }
  });
}

export async function withStage(stage, act) {
  const place = await stage();
  try {
    return await act(place);
  } finally {
    await place.close();
  }
}

export function thousands(value) {
  return Math.round(value).toLocaleString('en');
}

/** The ring that the peers and the checks go by is the one of the program that is measured. */
async function requireSameRing(bin) {
  const library = pathToFileURL(join(dirname(dirname(bin)), 'dist/index.js'));
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

/** Made when it is needed first: a cluster of a million keys is not for a run of `--only c-pump`. */
function once(make) {
  let made;
  return () => {
    made ??= make();
    return made;
  };
}
