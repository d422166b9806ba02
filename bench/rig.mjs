/** What the benchmarks share: a package as it would be installed, keys from a seed, runs that take turns, medians. */
import {execFileSync, spawnSync} from 'node:child_process';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** A folder that is removed when the process ends. */
export function temporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'rtopo-bench-'));
  process.on('exit', () => rmSync(folder, {recursive: true, force: true}));
  return folder;
}

/** The built package, copied so that nothing in the working tree changes; with the manifest that a published one has, or without. */
export function installedPackage(folder, {manifest}) {
  if (!existsSync(join(root, 'dist/cli/main.js'))) throw new Error('there is no dist: npm run build');
  const dir = join(folder, manifest ? 'with-manifest' : 'without-manifest');
  for (const name of ['bin', 'dist', 'package.json']) cpSync(join(root, name), join(dir, name), {recursive: true});
  symlinkSync(join(root, 'node_modules'), join(dir, 'node_modules'));
  if (manifest) execFileSync(process.execPath, [join(root, 'scripts/manifest.mjs'), dir], {stdio: 'ignore'});
  return join(dir, 'bin/run.js');
}

export function writeTopology(folder, name, placement) {
  const file = join(folder, `${name}.yml`);
  const shards = ['alpha', 'beta', 'gamma', 'delta'].map(
    (shard, i) => `  - {name: ${shard}, master: "10.0.0.${i + 1}:6379"}`,
  );
  writeFileSync(file, `version: 1\nname: bench\nplacement: ${placement}\nshards:\n${shards.join('\n')}\n`);
  return file;
}

/** A file of so many different keys of about 20 bytes, one per line, the same in every run. Their size in bytes. */
export function writeKeys(file, count) {
  const out = openSync(file, 'w');
  const block = Buffer.alloc(1 << 20);
  let [at, state, bytes] = [0, 1, 0];
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    at += block.latin1Write(`user:${state.toString(36)}:${i}\n`, at);
    if (at < block.length - 64 && i < count - 1) continue;
    bytes += writeSync(out, block, 0, at);
    at = 0;
  }
  closeSync(out);
  return bytes;
}

/**
 * Runs each command so many times, in turns, so that what else the machine does hits all of them alike. Milliseconds of
 * each run, by name. A command is `{name, argv, input?, env?}`; output is thrown away.
 */
export function inTurns(commands, rounds) {
  const times = new Map(commands.map(({name}) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const {name, argv, input = null, env = {}} of commands) {
      const stdin = input === null ? 'ignore' : openSync(input, 'r');
      const began = performance.now();
      const {status, error, stderr} = spawnSync(argv[0], argv.slice(1), {
        stdio: [stdin, 'ignore', 'pipe'],
        env: {...process.env, NO_COLOR: '1', ...env},
      });
      times.get(name).push(performance.now() - began);
      if (input !== null) closeSync(stdin);
      if (error !== undefined || status !== 0) throw error ?? new Error(`${name}: exit ${status}: ${stderr}`);
    }
  }
  return times;
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Rows of text in columns; all but the first to the right. */
export function printTable(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  for (const row of rows) {
    const cells = row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])));
    console.log(cells.join('  ').trimEnd());
  }
}

/** A whole number from the command line, or the default. */
export function numberArgument(position, fallback) {
  const value = Number(process.argv[position + 2] ?? fallback);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new Error(`'${process.argv[position + 2]}' is not a whole number above 0`);
}
