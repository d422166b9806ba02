/** The main job as a story on real servers: every step is the real program in a process of its own, with its real output. */
import {spawn} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {ExitCode, RtopoError} from '../errors.js';
import type {SandboxDemoReport, SandboxUpReport} from '../report/sandbox.js';
import {parseTopology} from '../topology/parse.js';
import {down} from './down.js';
import {type Sample, sampleKeys, writeSamples} from './sample.js';
import {up} from './up.js';

export interface DemoOptions {
  /** Path of bin/run.js. */
  readonly program: string;
  readonly server: string | undefined;
  /** Narration: headings and commands, already styled. */
  readonly tell: (text: string) => void;
  readonly heading: (number: number, title: string) => string;
  readonly prompt: (command: string) => string;
  readonly renderUp: (report: SandboxUpReport) => string;
  /** Where the steps' standard output goes: 1, or 2 when stdout belongs to `--json`. */
  readonly stdout: 1 | 2;
  /** For --json: colours are for terminals only, and children see for themselves. */
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
}

const SAMPLES = 3000;
const STEP_TIMEOUT_MS = 120_000;

export async function tellDemo(options: DemoOptions): Promise<SandboxDemoReport> {
  const startedMs = Date.now();
  const cwd = mkdtempSync(join(tmpdir(), 'rtopo-demo-'));
  const story = new Story(options, cwd);
  try {
    const ok = await story.tell();
    return {ok, seconds: (Date.now() - startedMs) / 1000, steps: story.steps};
  } finally {
    // Whatever happened: nothing stays running, and nothing stays behind.
    await down({cwd});
    rmSync(cwd, {recursive: true, force: true});
  }
}

class Story {
  readonly steps: {title: string; command: string; exit: number | null}[] = [];
  readonly #options: DemoOptions;
  readonly #cwd: string;
  #chapter = 0;

  constructor(options: DemoOptions, cwd: string) {
    this.#options = options;
    this.#cwd = cwd;
  }

  /** False as soon as a step ends with anything but 0. */
  async tell(): Promise<boolean> {
    const sandbox = await this.#start();
    const [spare] = sandbox.spares;
    const samples = sampleKeys(SAMPLES, Date.now());
    const tagged = samples.slice(0, 3).map(({key}) => key);
    return (
      (await this.#run('Three masters, three replicas-to-be: connect them as declared', ['replicate', '--yes'])) &&
      (await this.#run('Is replication healthy?', ['status'])) &&
      (await this.#write(samples)) &&
      (await this.#run('Which shard owns a key? Asked offline, by the same ring as the client', [
        'locate',
        ...tagged,
      ])) &&
      (await this.#run('A fourth shard comes: move the keys it will own, and only those', [
        'rebalance',
        '--add',
        spare!.add,
        '--yes',
      ])) &&
      (await this.#run('Its replica is declared now: attach it', ['replicate', '--yes'])) &&
      (await this.#run('The proof: every key on its owner, once', ['verify'])) &&
      (await this.#run('And replication of all four shards is healthy', ['status']))
    );
  }

  async #start(): Promise<SandboxUpReport> {
    this.#head(
      'Real servers on this machine: three shards, and a spare for later',
      'sandbox up --shards 3 --replicas 1 --spares 1',
    );
    const {server, env, signal, program} = this.#options;
    const sandbox = await up({
      cwd: this.#cwd,
      env,
      signal,
      schemaFile: join(dirname(program), '../schema/rtopo.schema.json'),
      shards: 3,
      replicas: 1,
      spares: 1,
      ...(server === undefined ? {} : {server}),
    });
    this.#options.tell(this.#options.renderUp(sandbox));
    this.#end(0);
    return sandbox;
  }

  /** Data as an application would write it: `rtopo locate -` says where each key belongs, and there it goes. */
  async #write(samples: readonly Sample[]): Promise<boolean> {
    this.#head(
      `Data of every type, in two databases, a quarter with an expiry: ${samples.length} keys`,
      'locate - < keys',
    );
    const located = await this.#child(['locate', '-'], {input: samples.map(({key}) => key).join('\n')});
    const addresses = located.output.split('\n').map((line) => line.split('\t')[2] ?? '');
    const {topology} = parseTopology(readFileSync(join(this.#cwd, 'rtopo.yml'), 'utf8'), 'rtopo.yml');
    const written = await writeSamples(topology, samples, addresses);
    const lines = topology.shards.map(
      ({name, master: {address}}) =>
        `  ${name.padEnd(8)} ${written.get(`${address.host}:${address.port}`)} keys written\n`,
    );
    this.#options.tell(lines.join(''));
    return this.#end(located.exit);
  }

  async #run(title: string, args: readonly string[]): Promise<boolean> {
    this.#head(title, args.join(' '));
    const {exit} = await this.#child(args, {input: null});
    return this.#end(exit);
  }

  #head(title: string, command: string): void {
    const {tell, heading, prompt} = this.#options;
    this.#chapter += 1;
    tell(`\n${heading(this.#chapter, title)}\n${prompt(`rtopo ${command}`)}\n\n`);
    this.steps.push({title, command: `rtopo ${command}`, exit: null});
  }

  #end(exit: number | null): boolean {
    this.steps.at(-1)!.exit = exit;
    return exit === 0;
  }

  /** With input its output is collected; without, it goes where the reader looks. */
  #child(args: readonly string[], {input}: {input: string | null}): Promise<{exit: number | null; output: string}> {
    const {program, env, stdout, signal} = this.#options;
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [program, ...args], {
        cwd: this.#cwd,
        env: {...env, RTOPO_STATE: join(this.#cwd, 'state'), RTOPO_TOPOLOGY: ''},
        stdio: [input === null ? 'ignore' : 'pipe', input === null ? stdout : 'pipe', 'inherit'],
        timeout: STEP_TIMEOUT_MS,
        signal,
      });
      let output = '';
      child.stdout?.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
      child.stdin?.end(input ?? '');
      child.once('error', (error) => reject(signal.aborted ? interrupted() : error));
      child.once('close', (exit) => resolve({exit, output}));
    });
  }
}

function interrupted(): RtopoError {
  return new RtopoError({
    code: 'INTERRUPTED',
    exit: ExitCode.interrupted,
    message: 'Interrupted: the demo servers are stopped and their data is removed.',
    remedy: 'rtopo sandbox demo',
  });
}
