/**
 * Runs the tests under uvu and does not believe its exit code alone: uvu ends with 0 when a hook throws, when a test
 * throws something that is not an Error, when `.run()` is forgotten, and when no file was found; and it waits for ever
 * on an open socket. Each of these is a failure here.
 *
 *   node test/run.mjs [filter…] [--dir DIR] [--workers N] [--timeout SECONDS] [--failed NAME]… [--again PROGRAM=FILTER,…]
 *
 * A filter is a part of a file's path. `--failed` adds something that failed before (a lint step) to the count. `--again` runs the files
 * of its own filters once more afterwards, with another program as the server under test.
 * The last line is always `N passed, N failed`.
 */
import {spawn} from 'node:child_process';
import {existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join, relative, resolve} from 'node:path';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const uvu = join(root, 'node_modules/uvu/bin.js');

/** Seconds, as the end of a run tells them, of files that take long; other files are guessed from what they use. */
const slow = [
  [/migration\/reliability/, 80],
  [/migration\/split\.test/, 68],
  [/migration\/(replace|kill|fence)|replication\/roles/, 50],
  [/commands\/(locate|help|exit-codes|status-again|demo|acl)|handover|^pack|property/, 20],
  [/^run\.|saved-plan|interop\/real|switchover-odd|failover/, 14],
  [/^(migration|replication|commands)\//, 5],
  [/^(rig|sandbox|journal|redis)\b/, 5],
];

const {values, positionals: filters} = parseArgs({
  allowPositionals: true,
  options: {
    dir: {type: 'string', default: join(root, 'test')},
    workers: {type: 'string', default: process.env.RTOPO_TEST_WORKERS ?? '2'},
    timeout: {type: 'string', default: process.env.RTOPO_TEST_TIMEOUT ?? '1500'},
    failed: {type: 'string', multiple: true, default: []},
    again: {type: 'string'},
  },
});
const dir = resolve(values.dir);
const timeoutMs = Number(values.timeout) * 1000;

function testFiles(wanted) {
  const all = readdirSync(dir, {recursive: true}).map((name) => name.replaceAll('\\', '/'));
  const tests = all.filter((name) => name.endsWith('.test.ts') && !name.includes('node_modules/')).sort();
  return wanted.length === 0 ? tests : tests.filter((name) => wanted.some((part) => `test/${name}`.includes(part)));
}

function guessSeconds(name) {
  const text = readFileSync(join(dir, name), 'utf8');
  const known = slow.find(([pattern]) => pattern.test(name))?.[1] ?? 0;
  return Math.max(known, /rig\/servers\.js/.test(text) ? 3 : 0, /rig\/(cli|tty)\.js/.test(text) ? 3 : 0, 0.3);
}

/** Longest first, each to the worker that has least to do. */
function share(names, count) {
  const workers = Array.from({length: Math.max(1, Math.min(count, names.length))}, () => ({names: [], seconds: 0}));
  const weighed = names.map((name) => ({name, seconds: guessSeconds(name)})).sort((a, b) => b.seconds - a.seconds);
  for (const {name, seconds} of weighed) {
    const idle = workers.reduce((a, b) => (b.seconds < a.seconds ? b : a));
    idle.names.push(name);
    idle.seconds += seconds;
  }
  return workers.map((worker) => worker.names);
}

/** So many of the files that took longest are told at the end, so that `slow` can be kept true. */
const SLOWEST = 30;

const groups = new Set();

/** SIGKILL to a worker and to everything it started in its process group. */
function killGroup(pid) {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {}
}

/** One uvu process on its own files, with a temporary directory of its own. Resolves with what it printed. */
function runWorker(names, {tmp, server, show}) {
  const literal = (name) => name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const pattern = `^(${names.map(literal).join('|')})$`;
  const env = {...process.env, TMPDIR: tmp, ...(server === undefined ? {} : {RTOPO_TEST_SERVER: server})};
  // A tester's own settings must not decide whether the tests pass.
  for (const name of ['FORCE_COLOR', 'UVU_DEFER', 'NODE_OPTIONS']) delete env[name];
  const args = ['--import', 'tsx', uvu, '--no-color', dir, pattern];
  const child = spawn(process.execPath, args, {cwd: root, env, detached: true, stdio: ['ignore', 'pipe', 'pipe']});
  groups.add(child.pid);
  let output = '';
  let late = false;
  const clock = stopwatch(names);
  const timer = setTimeout(() => {
    late = true;
    killGroup(child.pid);
  }, timeoutMs);
  const take = (chunk) => {
    output += chunk;
    clock.hear(chunk);
    show(chunk);
  };
  child.stdout.setEncoding('utf8').on('data', take);
  child.stderr.setEncoding('utf8').on('data', take);
  return new Promise((done) => {
    // What outlives uvu is noted and then killed, also because it may hold our pipe open.
    const reaped = new Promise((settle) => {
      child.once('exit', async () => {
        clearTimeout(timer);
        const left = await leftProcesses(tmp, late ? 0 : 1000);
        killGroup(child.pid);
        killLeft(left);
        settle(late ? [] : left);
      });
    });
    const end = (status, signal, left) => {
      groups.delete(child.pid);
      done({names, output, status, signal, late, left, seconds: clock.stop()});
    };
    child.once('error', () => end(null, null, []));
    child.once('close', async (status, signal) => end(status, signal, await reaped));
  });
}

/** Seconds of each file: uvu prints its name when it begins with it. */
function stopwatch(names) {
  const known = new Set(names);
  const seconds = new Map();
  let [line, file, sinceMs] = ['', null, Date.now()];
  const turn = (next) => {
    if (file !== null) seconds.set(file, (seconds.get(file) ?? 0) + (Date.now() - sinceMs) / 1000);
    [file, sinceMs] = [next, Date.now()];
  };
  const hear = (chunk) => {
    const lines = (line + chunk).split('\n');
    line = lines.pop();
    for (const one of lines) if (known.has(one)) turn(one);
  };
  const stop = () => {
    turn(null);
    return seconds;
  };
  return {hear, stop};
}

/** What uvu's output proves, and every reason not to believe it. */
function judge({names, output, status, signal, late, left, seconds}) {
  const faults = left.map(({pid, command}) => `left running: ${command} (pid ${pid})`);
  for (const name of names) {
    if (/^\s*\w+\.only\(/m.test(readFileSync(join(dir, name), 'utf8'))) faults.push(`${name}: .only hides tests`);
  }
  const suitesOf = new Map(names.map((name) => [name, 0]));
  let [file, passed, total, suites] = ['', 0, 0, 0];
  for (const line of output.split('\n')) {
    if (suitesOf.has(line)) file = line;
    const counts = /\((\d+) \/ (\d+)\)$/.exec(line);
    if (counts === null || file === '') continue;
    const [p, t] = [Number(counts[1]), Number(counts[2])];
    suites += 1;
    passed += p;
    total += t;
    suitesOf.set(file, suitesOf.get(file) + 1);
    if (t === 0) faults.push(`${file}: a suite without tests`);
  }
  const said = /^ {2}Total: +(\d+)\n {2}Passed: +(\d+)$/m.exec(output);
  if (late) faults.push(`not done within ${timeoutMs / 1000} s, in or after ${file === '' ? 'loading' : file}`);
  else if (said === null) faults.push(`ended before its summary, in or after ${file === '' ? 'loading' : file}`);
  else if (Number(said[1]) !== total || Number(said[2]) !== passed) faults.push('its summary contradicts its suites');
  for (const [name, count] of suitesOf) if (count === 0) faults.push(`${name}: no suite ran`);
  if (status !== 0 && !late && passed === total) faults.push(`uvu ended with ${signal ?? `exit ${status}`}`);
  return {passed, failed: total - passed, suites, faults, seconds};
}

/** Processes that work in our temporary directory, or were told of it; a moment is allowed for those that are dying. */
async function leftProcesses(tmp, patienceMs) {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const left = processesOf(tmp);
    if (left.length === 0 || Date.now() >= deadline) return left;
    await new Promise((done) => setTimeout(done, 50));
  }
}

function processesOf(tmp) {
  if (!existsSync('/proc/self/stat')) return []; // Elsewhere the killed process groups have to do.
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) return [];
    try {
      const read = (file) => readFileSync(`/proc/${name}/${file}`, 'utf8');
      if (/\) Z /.test(read('stat'))) return [];
      const ours = readlinkSync(`/proc/${name}/cwd`).startsWith(tmp) || read('environ').includes(`TMPDIR=${tmp}`);
      return ours ? [{pid: Number(name), command: read('cmdline').replaceAll('\0', ' ').trim()}] : [];
    } catch {
      return []; // It has just ended, or belongs to somebody else.
    }
  });
}

function killLeft(left) {
  for (const {pid} of left) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {} // It has just ended.
  }
}

/** One worker prints as it goes; of several each prints when it has finished a file, so that lines do not mix. */
function printer(names, live) {
  let held = '';
  const show = (chunk) => {
    if (live) return void process.stdout.write(chunk);
    held += chunk;
    const lines = held.split('\n');
    const last = lines.findLastIndex((line) => names.includes(line));
    if (last <= 0) return;
    process.stdout.write(`${lines.slice(0, last).join('\n')}\n`);
    held = lines.slice(last).join('\n');
  };
  const flush = () => process.stdout.write(held);
  return {show, flush};
}

/** Every file that matches, shared between workers. */
async function runAll(wanted, {tmp, server}) {
  const names = testFiles(wanted);
  if (names.length === 0) {
    const faults = [`no test file in ${relative(root, dir) || '.'} matches ${wanted.join(' ')}`];
    return [{passed: 0, failed: 0, faults}];
  }
  const parts = share(names, Number(values.workers));
  return Promise.all(
    parts.map(async (part, i) => {
      const {show, flush} = printer(part, parts.length === 1);
      const [who, own] = [`${server ?? 'worker'} ${i + 1}`, mkdtempSync(join(tmp, `${i + 1}-`))];
      const result = judge(await runWorker(part, {tmp: own, server, show}));
      flush();
      return {...result, faults: result.faults.map((fault) => `${who}: ${fault}`)};
    }),
  );
}

async function main() {
  const tmp = realpathSync(mkdtempSync(join(tmpdir(), 'rtopo-tests-')));
  const stop = () => {
    for (const pid of groups) killGroup(pid);
    killLeft(processesOf(tmp));
    rmSync(tmp, {recursive: true, force: true});
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(signal, () => {
      stop();
      process.kill(process.pid, signal);
    });
  }
  const faults = values.failed.map((name) => `${name} failed`);
  const results = await runAll(filters, {tmp});
  const [server, wanted] = values.again?.split('=') ?? [];
  if (server !== undefined) {
    console.log(`\nOnce more, with ${server}`);
    results.push(...(await runAll(wanted.split(','), {tmp, server})));
  }
  stop();
  faults.push(...results.flatMap((result) => result.faults));
  const passed = results.reduce((sum, result) => sum + result.passed, 0);
  const failed = results.reduce((sum, result) => sum + result.failed, 0) + faults.length;
  const slowest = results
    .flatMap(({seconds}) => [...(seconds ?? [])])
    .filter(([, time]) => time >= 5)
    .sort(([, a], [, b]) => b - a);
  for (const [name, time] of slowest.slice(0, SLOWEST)) console.log(`${time.toFixed(0).padStart(4)} s  ${name}`);
  for (const fault of faults) console.log(`FAULT ${fault}`);
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}

await main();
