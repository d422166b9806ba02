/**
 * How long a command takes before it does anything: ratios to `node -e 0`, measured in turns, medians.
 *
 *   npm run build && node bench/start-up.mjs [rounds]
 */
import {spawnSync} from 'node:child_process';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const program = join(root, 'bin/run.js');
const rounds = Number(process.argv[2] ?? 15);
const cwd = mkdtempSync(join(tmpdir(), 'rtopo-bench-'));
writeFileSync(
  join(cwd, 'rtopo.yml'),
  'version: 1\nname: bench\nplacement: {scheme: ketama}\nshards:\n  - {name: a, master: "127.0.0.1:1"}\n  - {name: b, master: "127.0.0.1:2"}\n',
);

const cases = {
  'node -e 0': ['-e', '0'],
  'rtopo --version': [program, '--version'],
  'rtopo --help': [program, '--help'],
  'rtopo locate k': [program, 'locate', 'k'],
  'rtopo status --help': [program, 'status', '--help'],
};

function once(args) {
  const begin = process.hrtime.bigint();
  const {status, stderr} = spawnSync(process.execPath, args, {
    cwd,
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}: ${stderr}`);
  return Number(process.hrtime.bigint() - begin) / 1e6;
}

function median(values) {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

function series(label) {
  const times = Object.fromEntries(Object.keys(cases).map((name) => [name, []]));
  // In turns, so that a busy moment of the machine hits all of them.
  for (let round = 0; round < rounds; round++)
    for (const [name, args] of Object.entries(cases)) times[name].push(once(args));
  const base = median(times['node -e 0']);
  console.log(`${label}, median of ${rounds}, node -e 0 = ${base.toFixed(0)} ms`);
  for (const [name, list] of Object.entries(times))
    console.log(`  ${name.padEnd(22)} ${(median(list) / base).toFixed(2)} x`);
}

try {
  spawnSync(process.execPath, [join(root, 'scripts/manifest.mjs')], {cwd: root, stdio: 'ignore'});
  series('with the manifest, as installed');
  rmSync(join(root, 'oclif.manifest.json'), {force: true});
  series('without the manifest, as in a checkout');
} finally {
  rmSync(join(root, 'oclif.manifest.json'), {force: true});
  rmSync(cwd, {recursive: true, force: true});
}
