/**
 * `npm run build`: a new `dist/` from `src/`. What a command needs is put into few files: a third of the time that a start took went
 * into finding and linking the modules one by one. A failed build leaves the old one as it was.
 */
import {cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import {checkNode, rememberBuild, root, runScript, runShown, SetupError, sourceDigest} from './setup.mjs';

/** Files that are reached by name: the commands, the start of the program, the library, and what our own scripts ask for. */
const REACHED = ['cli/main', 'index', 'sandbox/sample', 'topology/parse', 'topology/json-schema', 'placement/schemes'];

await runScript(async () => {
  checkNode();
  const tsc = join(root, 'node_modules/.bin/tsc');
  if (!existsSync(tsc)) throw new SetupError('The compiler is not installed.', 'npm ci --ignore-scripts');
  const dist = join(root, 'dist');
  const cache = join(root, 'node_modules/.cache/rtopo');
  mkdirSync(cache, {recursive: true});
  const fresh = mkdtempSync(join(cache, 'dist-'));
  try {
    const digest = sourceDigest();
    const types = [tsc, '-p', 'tsconfig.json', '--emitDeclarationOnly', '--outDir', fresh];
    if (!runShown(types) || !(await bundle(fresh))) throw new SetupError('The sources do not compile.');
    // It describes commands of an older build; a stale one hides new commands.
    rmSync(join(root, 'oclif.manifest.json'), {force: true});
    rmSync(dist, {recursive: true, force: true});
    moveDir(fresh, dist);
    rememberBuild(digest);
  } finally {
    rmSync(fresh, {recursive: true, force: true});
  }
});

async function bundle(outdir) {
  const {build} = await import('esbuild');
  const src = join(root, 'src');
  const commands = existsSync(join(src, 'commands')) ? readdirSync(join(src, 'commands'), {recursive: true}) : [];
  const entryPoints = [
    ...commands.filter((name) => name.endsWith('.ts')).map((name) => join(src, 'commands', name)),
    ...REACHED.map((name) => join(src, `${name}.ts`)).filter(existsSync),
  ];
  const shape = {
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.15',
    packages: 'external',
  };
  const places = {absWorkingDir: root, entryPoints, outbase: src, outdir, chunkNames: 'chunks/[name]-[hash]'};
  const {errors} = await build({...shape, ...places, logLevel: 'warning'}).catch(({errors}) => ({errors}));
  return errors.length === 0;
}

/** A rename, or a copy where node_modules lives on another file system. */
function moveDir(from, to) {
  try {
    renameSync(from, to);
  } catch (error) {
    if (error.code !== 'EXDEV') throw error;
    cpSync(from, to, {recursive: true});
  }
}
