/** `npm run demo`: gets the machine ready, then tells the story of `rtopo sandbox demo` on real local servers. */
import {spawn} from 'node:child_process';
import {join} from 'node:path';
import {prepare, root, runScript} from './setup.mjs';

await runScript(() => {
  prepare();
  const args = [join(root, 'bin/run.js'), 'sandbox', 'demo', ...process.argv.slice(2)];
  const child = spawn(process.execPath, args, {stdio: 'inherit'});
  // Ctrl-C reaches the demo by itself; this script waits until the demo has tidied up.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  return new Promise((done, fail) => {
    child.once('error', fail);
    child.once('exit', (status, signal) => done(status ?? (signal === 'SIGINT' ? 130 : 1)));
  });
});
