/** `npm run build`: compiles `src/` into a new `dist/`. A failed build leaves the old one as it was. */
import {cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import {checkNode, rememberBuild, root, runScript, runShown, SetupError, sourceDigest} from './setup.mjs';

await runScript(() => {
  checkNode();
  const tsc = join(root, 'node_modules/.bin/tsc');
  if (!existsSync(tsc)) throw new SetupError('The compiler is not installed.', 'npm ci --ignore-scripts');
  const dist = join(root, 'dist');
  const cache = join(root, 'node_modules/.cache/rtopo');
  mkdirSync(cache, {recursive: true});
  const fresh = mkdtempSync(join(cache, 'dist-'));
  try {
    const digest = sourceDigest();
    if (!runShown([tsc, '-p', 'tsconfig.json', '--outDir', fresh])) throw new SetupError('The sources do not compile.');
    // It describes commands of an older build; a stale one hides new commands.
    rmSync(join(root, 'oclif.manifest.json'), {force: true});
    rmSync(dist, {recursive: true, force: true});
    moveDir(fresh, dist);
    rememberBuild(digest);
  } finally {
    rmSync(fresh, {recursive: true, force: true});
  }
});

/** A rename, or a copy where node_modules lives on another file system. */
function moveDir(from, to) {
  try {
    renameSync(from, to);
  } catch (error) {
    if (error.code !== 'EXDEV') throw error;
    cpSync(from, to, {recursive: true});
  }
}
