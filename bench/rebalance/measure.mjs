/** One run of a program: how long it took, what it and the servers cost, and what another client felt meanwhile. */
import {fork, spawn} from 'node:child_process';
import {once} from 'node:events';
import {fileURLToPath} from 'node:url';
import {childrenCpuSeconds, cpuSeconds, peakMegabytes, tracked} from './servers.mjs';

const POLL_MS = 10;
const RUN_LIMIT_MS = 30 * 60_000;
const OUTPUT_LIMIT = 1 << 22;

/** @param {{servers: object[], source: object, target: object}} stage where it runs: PINGs go to source and target */
export async function measure({argv, env}, {servers, source, target}) {
  const prober = await startProber([source.port, target.port]);
  const serverCpu = () => servers.map(({pid}) => cpuSeconds(pid));
  const before = serverCpu();
  const run = await runProgram(argv, env);
  const after = serverCpu();
  const [sourcePing, targetPing] = await prober.stop();
  const used = after.map((seconds, i) => (seconds === null ? null : seconds - before[i]));
  return {...run, serverCpu: used.includes(null) ? null : used.reduce((a, b) => a + b, 0), sourcePing, targetPing};
}

/** What PING takes while nothing else happens. */
export async function idlePing({source, target}) {
  const prober = await startProber([source.port, target.port]);
  await new Promise((resolve) => setTimeout(resolve, 2000));
  const [sourcePing, targetPing] = await prober.stop();
  return {sourcePing, targetPing};
}

async function startProber(ports) {
  const child = fork(fileURLToPath(new URL('prober.mjs', import.meta.url)), ports.map(String));
  await once(child, 'message');
  // Its first PINGs meet code that is not compiled yet.
  await new Promise((resolve) => setTimeout(resolve, 300));
  child.send('start');
  return {
    async stop() {
      child.send('stop');
      const [summary] = await once(child, 'message');
      if (child.exitCode === null) await once(child, 'exit');
      return summary;
    },
  };
}

async function runProgram(argv, env = {}) {
  const cpuBefore = childrenCpuSeconds();
  const began = performance.now();
  const child = tracked(
    spawn(argv[0], argv.slice(1), {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {...process.env, NO_COLOR: '1', ...env},
      timeout: RUN_LIMIT_MS,
      killSignal: 'SIGKILL',
    }),
  );
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  let memory = null;
  const poll = setInterval(() => {
    memory = peakMegabytes(child.pid) ?? memory;
  }, POLL_MS);
  const [code, signal] = await once(child, 'close');
  clearInterval(poll);
  const seconds = (performance.now() - began) / 1000;
  const cpuAfter = childrenCpuSeconds();
  const cpu = cpuAfter === null ? null : cpuAfter - cpuBefore;
  return {
    seconds,
    cpu,
    memory,
    stdout: stdout(),
    stderr: stderr(),
    failure: code === 0 ? null : `exit ${code ?? signal}`,
  };
}

/** The last of what a stream says. */
function collect(stream) {
  let text = '';
  stream.setEncoding('utf8').on('data', (chunk) => {
    text = (text + chunk).slice(-OUTPUT_LIMIT);
  });
  return () => text;
}
