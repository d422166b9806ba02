/** Plants each bug into a copy of the repository, builds it, and lets the tests loose on it. */
import {spawn} from 'node:child_process';
import {cpSync, existsSync, mkdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {repositoryRoot} from '../rig/cli.js';
import {makeDir, removeDir} from '../rig/processes.js';
import {type Mutant, mutants} from './mutants.js';

export interface MutantResult {
  readonly name: string;
  readonly about: string;
  /** `stale`: its place is not in the sources any more, or it does not compile. */
  readonly outcome: 'caught' | 'survived' | 'stale';
  /** The check that failed. */
  readonly by: string | null;
}

const parts = ['bin', 'src', 'test', 'schema', 'scripts', 'package.json', 'tsconfig.json', 'ARCHITECTURE.md'];
const CHECK_TIMEOUT_MS = 900_000;

/** `only`: names after commas. A check that fails without any bug proves nothing, so all are tried on the sources as they are first. */
export async function runMutants(only: string | undefined, say: (text: string) => void): Promise<MutantResult[]> {
  const chosen = mutants.filter(({name}) => only === undefined || only.split(',').includes(name));
  const dir = makeCopy();
  try {
    if (!(await build(dir))) throw new Error('the sources do not compile');
    const useless = new Set<string>();
    for (const check of new Set(chosen.flatMap(({checks}) => checks))) {
      if (await passes(dir, check)) continue;
      useless.add(check);
      say(`'${check}' fails without any bug planted: it can prove nothing and is left out`);
    }
    const results: MutantResult[] = [];
    for (const mutant of chosen) {
      const result = await judge(dir, {...mutant, checks: mutant.checks.filter((check) => !useless.has(check))});
      results.push(result);
      say(`${result.outcome.toUpperCase()} ${result.name}${result.by === null ? '' : ` by ${result.by}`}`);
    }
    return results;
  } finally {
    removeDir(dir);
  }
}

function makeCopy(): string {
  const dir = makeDir('rtopo-mutants-');
  for (const part of parts) cpSync(join(repositoryRoot, part), join(dir, part), {recursive: true});
  symlinkSync(realpathSync(join(repositoryRoot, 'node_modules')), join(dir, 'node_modules'));
  mkdirSync(join(dir, 'docs'));
  return dir;
}

/** Bugs whose place is not in the sources any more, or in more than one place. */
export function staleMutants(root = repositoryRoot): string[] {
  return mutants.flatMap(({name, edits}) =>
    edits
      .filter(({file, find}) => readFileSync(join(root, file), 'utf8').split(find).length !== 2)
      .map(({file, find}) => `${name}: ${file}: ${find.trim().slice(0, 60)}`),
  );
}

async function judge(dir: string, {name, about, edits, checks}: Mutant): Promise<MutantResult> {
  const before = new Map(edits.map(({file}) => [file, readFileSync(join(dir, file), 'utf8')]));
  const result = (outcome: MutantResult['outcome'], by: string | null = null): MutantResult => ({
    name,
    about,
    outcome,
    by,
  });
  try {
    for (const {file, find, replace} of edits) {
      const text = readFileSync(join(dir, file), 'utf8');
      if (text.split(find).length !== 2) return result('stale', `${file}: ${find.trim().slice(0, 60)}`);
      writeFileSync(
        join(dir, file),
        text.replace(find, () => replace),
      );
    }
    if (!(await build(dir))) return result('stale', 'it does not compile');
    for (const check of checks) if (!(await passes(dir, check))) return result('caught', check);
    return result('survived');
  } finally {
    for (const [file, text] of before) writeFileSync(join(dir, file), text);
  }
}

async function build(dir: string): Promise<boolean> {
  rmSync(join(dir, 'dist'), {recursive: true, force: true});
  const tsc = join(dir, 'node_modules/.bin/tsc');
  const {status} = await run(
    tsc,
    ['-p', 'tsconfig.json', '--noUnusedLocals', 'false', '--noUnusedParameters', 'false'],
    dir,
  );
  return status === 0 && existsSync(join(dir, 'dist'));
}

async function passes(dir: string, check: string): Promise<boolean> {
  const {status} = await run(process.execPath, check.split(' '), dir);
  return status === 0;
}

function run(program: string, args: readonly string[], cwd: string): Promise<{status: number | null}> {
  const child = spawn(program, [...args], {cwd, stdio: 'ignore', timeout: CHECK_TIMEOUT_MS, killSignal: 'SIGTERM'});
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve({status}));
  });
}
