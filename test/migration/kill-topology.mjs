/**
 * Preloaded like the rig's kill-at.mjs, for the calls that replace the topology file (`node:fs/promises`): kills the process
 * before or after the N-th sync of a file handle or rename.
 *
 *   RTOPO_KILL_TOPOLOGY   3:before
 *   RTOPO_COUNT_TOPOLOGY  file that receives the number of such calls when the process ends by itself
 */
import fs from 'node:fs';
import {syncBuiltinESMExports} from 'node:module';

const [wanted, when] = (process.env.RTOPO_KILL_TOPOLOGY ?? '0:').split(':');
const countFile = process.env.RTOPO_COUNT_TOPOLOGY;
const real = {...fs.promises};
let calls = 0;

function die() {
  process.kill(process.pid, 'SIGKILL');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);
}

async function counted(act) {
  calls += 1;
  const here = calls === Number(wanted);
  if (here && when === 'before') die();
  const result = await act();
  if (here && when === 'after') die();
  return result;
}

fs.promises.rename = (...args) => counted(() => real.rename(...args));
fs.promises.open = async (...args) => {
  const handle = await real.open(...args);
  const sync = handle.sync.bind(handle);
  handle.sync = () => counted(sync);
  return handle;
};
syncBuiltinESMExports();

if (countFile !== undefined) process.on('exit', () => fs.writeFileSync(countFile, String(calls)));
