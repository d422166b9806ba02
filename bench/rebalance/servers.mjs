/** Processes of the benchmarks, killed when this one ends: servers on 127.0.0.1, on ports that were free; and what /proc says of any. */
import {spawn, spawnSync} from 'node:child_process';
import {mkdirSync, readFileSync} from 'node:fs';
import {createServer} from 'node:net';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {Wire} from './wire.mjs';

const START_LIMIT_MS = 120_000;
const TICKS_PER_SECOND = 100;
/** Cluster nodes talk to each other on their port plus this. */
const BUS = 10_000;

const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));

/** Lets no child outlive this process. */
export function tracked(child) {
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

export function isInstalled(...probe) {
  return spawnSync(probe[0], probe.slice(1), {stdio: 'ignore'}).status === 0;
}

/** So many ports on which nobody listens, nor on those of the cluster bus that belong to them. */
export async function freePorts(count) {
  const ports = [];
  for (let tries = 0; ports.length < count && tries < 1000; tries++) {
    const port = 11_000 + Math.floor(Math.random() * 10_000);
    if (!ports.includes(port) && (await isFree(port)) && (await isFree(port + BUS))) ports.push(port);
  }
  if (ports.length < count) throw new Error('there are no free ports between 11000 and 31000');
  return ports;
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** Starts a server in `dir` and waits until it has loaded what is there. `wire` is a connection to it. */
export async function startServer(dir, port, args = []) {
  mkdirSync(dir, {recursive: true});
  const fixed = ['--port', port, '--bind', '127.0.0.1', '--dir', dir, '--save', '', '--logfile', join(dir, 'log')];
  const child = tracked(spawn('redis-server', [...fixed, ...args].map(String), {stdio: 'ignore'}));
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const deadline = Date.now() + START_LIMIT_MS;
  for (;;) {
    const wire = await Wire.connect(port).catch(() => null);
    const [pong] = wire === null ? [null] : await wire.batch([['PING']]).catch(() => [null]);
    if (pong === 'PONG') return {port, address: `127.0.0.1:${port}`, pid: child.pid, wire, stop};
    wire?.close();
    if (child.exitCode !== null || Date.now() > deadline)
      throw new Error(`no redis-server on ${port}: ${lastWords(dir)}`);
    await sleep(20);
  }

  async function stop() {
    child.kill('SIGKILL');
    await ended;
  }
}

function lastWords(dir) {
  try {
    return readFileSync(join(dir, 'log'), 'utf8').trim().split('\n').at(-1);
  } catch {
    return 'it left no log';
  }
}

/** Seconds of processor time that a process and the children it waited for have used; null where there is no /proc. */
export function cpuSeconds(pid) {
  const fields = statOf(pid);
  return fields && [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field]), 0) / TICKS_PER_SECOND;
}

/** The same of the children that this process has waited for. */
export function childrenCpuSeconds() {
  const fields = statOf('self');
  return fields && (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND;
}

/** The fields after the program's name, which may hold spaces: 11 and 12 are the own time, 13 and 14 that of children. */
function statOf(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}

/** Largest resident memory of a process so far in MB; null when it has ended or there is no /proc. */
export function peakMegabytes(pid) {
  try {
    const match = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
    return match === null ? null : Number(match[1]) / 1024;
  } catch {
    return null;
  }
}
