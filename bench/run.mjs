/** `npm run bench`: every benchmark of this folder, one after the other. */
import {spawnSync} from 'node:child_process';
import {readdirSync} from 'node:fs';
import {fileURLToPath} from 'node:url';

const shared = ['run.mjs', 'rig.mjs'];
const files = readdirSync(new URL('.', import.meta.url)).filter(
  (name) => name.endsWith('.mjs') && !shared.includes(name),
);
for (const name of files.sort()) {
  console.log(`\n# ${name}`);
  const {status} = spawnSync(process.execPath, [fileURLToPath(new URL(name, import.meta.url))], {stdio: 'inherit'});
  if (status !== 0) process.exitCode = 1;
}
