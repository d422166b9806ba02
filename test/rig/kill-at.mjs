/**
 * Preloaded into the product (`NODE_OPTIONS=--import …`), never part of it: kills the process before or after its N-th
 * file operation, or counts those operations.
 *
 *   RTOPO_KILL_PATH   regular expression; only files whose path matches count (a rename: its old or its new path)
 *   RTOPO_KILL_AT     fsync:7:after, write:1:before, rename:2:after
 *   RTOPO_KILL_COUNT  file that receives {"fsync":n,"write":n,"rename":n} when the process ends by itself
 */
import fs from 'node:fs';
import {syncBuiltinESMExports} from 'node:module';

const path = new RegExp(process.env.RTOPO_KILL_PATH ?? '.');
const [wantedOp, wantedN, wantedWhen] = (process.env.RTOPO_KILL_AT ?? '::').split(':');
const countFile = process.env.RTOPO_KILL_COUNT;
const counts = {fsync: 0, write: 0, rename: 0};
/** Paths by file descriptor; the product only ever has a number. */
const pathOf = new Map();
const real = {...fs};

function die() {
  process.kill(process.pid, 'SIGKILL');
  // The signal needs a moment; nothing may happen in it.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);
}

/** Wraps one operation: `matches` says whether this call counts. */
function watchCalls(name, op, matches) {
  fs[name] = (...args) => {
    if (!matches(args)) return real[name](...args);
    counts[op] += 1;
    const here = op === wantedOp && counts[op] === Number(wantedN);
    if (here && wantedWhen === 'before') die();
    const result = real[name](...args);
    if (here && wantedWhen === 'after') die();
    return result;
  };
}

/** The same for calls that answer by a callback: "after" is when it is called. */
function watchCallbacks(name, op, matches) {
  fs[name] = (...args) => {
    if (!matches(args)) return real[name](...args);
    counts[op] += 1;
    const here = op === wantedOp && counts[op] === Number(wantedN);
    if (here && wantedWhen === 'before') die();
    const done = args.pop();
    real[name](...args, (...answer) => {
      if (here && wantedWhen === 'after') die();
      done(...answer);
    });
  };
}

const byDescriptor = ([fd]) => path.test(pathOf.get(fd) ?? '');

fs.openSync = (...args) => {
  const fd = real.openSync(...args);
  pathOf.set(fd, String(args[0]));
  return fd;
};
fs.closeSync = (fd) => {
  pathOf.delete(fd);
  return real.closeSync(fd);
};
watchCalls('fsyncSync', 'fsync', byDescriptor);
watchCalls('fdatasyncSync', 'fsync', byDescriptor);
watchCalls('writeSync', 'write', byDescriptor);
watchCallbacks('fsync', 'fsync', byDescriptor);
watchCallbacks('write', 'write', byDescriptor);
watchCalls('writevSync', 'write', byDescriptor);
watchCalls('renameSync', 'rename', ([from, to]) => path.test(String(from)) || path.test(String(to)));
syncBuiltinESMExports();

if (countFile !== undefined) process.on('exit', () => real.writeFileSync(countFile, JSON.stringify(counts)));
