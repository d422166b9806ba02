/** A sharded topology on real servers, as the tests of the migration wing use it: the file, the data, the moves. */
import {mkdirSync, readdirSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import * as assert from 'uvu/assert';
import {RtopoError} from '../../src/errors.js';
import {prepareRebalance, type RebalanceRequest} from '../../src/migration/prepare.js';
import {abort, pruneOperation, resumeOperation, tellOperation} from '../../src/migration/recover.js';
import {placementOf} from '../../src/placement/schemes.js';
import type {RebalanceReport} from '../../src/report/rebalance.js';
import {loadTopology} from '../../src/topology/load.js';
import {parseTopology} from '../../src/topology/parse.js';
import {diffSnapshots, type Snapshot, snapshot, union} from '../rig/checker.js';
import {type CliOptions, type CliResult, cli} from '../rig/cli.js';
import type {Raw} from '../rig/raw.js';
import type {Rig, Server} from '../rig/servers.js';

/** What is acknowledged is on disk: the barrier need not wait, and a killed server comes back with it. */
export const durable = {args: ['--appendonly', 'yes', '--appendfsync', 'always']} as const;

export interface ShardSketch {
  readonly name: string;
  readonly address: string;
  readonly weight?: number;
}

/** A file as people write it, with a comment at every place where an edit could lose one. */
export function topologyText(placement: string, shards: readonly ShardSketch[]): string {
  const entries = shards.map(
    ({name, address, weight}) =>
      `  # about ${name}\n  - name: ${name} # named\n    master: "${address}" # at home\n${weight === undefined ? '' : `    weight: ${weight}\n`}`,
  );
  return `# kept: head\nversion: 1\nname: field # kept: name\nplacement: ${placement}\nshards: # kept: list\n${entries.join('')}# kept: tail\n`;
}

/** Index of the server that owns a key by the real placement. */
export function placer(text: string, servers: readonly {readonly address: string}[]): (key: Buffer) => number {
  const source = parseTopology(text, 'field.yml');
  const placement = source.check(placementOf);
  const indexes = source.topology.shards.map(({master: {address}}) =>
    servers.findIndex((server) => server.address === `${address.host}:${address.port}`),
  );
  return (key) => indexes[placement.ownerIndex(key, 0, key.length)]!;
}

export interface Field {
  readonly file: string;
  /** Home of the state; shared by a run and its resume. */
  readonly home: string;
  readonly run: (args: readonly string[], options?: CliOptions) => Promise<CliResult>;
  readonly text: () => string;
  /** Another text of the file, as somebody's editor would leave it. */
  readonly write: (text: string) => void;
  readonly files: () => string[];
  readonly journals: () => string[];
}

let number = 0;

/** A folder of its own with the file in it; `run` works there as a user would. */
export function field(rig: Rig, text: string): Field {
  number += 1;
  const dir = join(rig.dir, `field-${number}`);
  const home = join(dir, 'home');
  mkdirSync(home, {recursive: true});
  const file = join(dir, 'rtopo.yml');
  writeFileSync(file, text);
  return {
    file,
    home,
    run: (args, options = {}) => cli(args, {cwd: dir, home, ...options}),
    text: () => readFileSync(file, 'utf8'),
    write: (next) => writeFileSync(file, next),
    files: () => readdirSync(dir).filter((name) => name !== 'home'),
    journals: () => {
      const root = join(home, 'state', 'rtopo', 'rebalance');
      try {
        return readdirSync(root).flatMap((name) => readdirSync(join(root, name)).map((leaf) => join(root, name, leaf)));
      } catch {
        return [];
      }
    },
  };
}

export async function flushAll(servers: readonly Server[]): Promise<void> {
  await Promise.all(servers.map(({raw}) => raw.cmd('FLUSHALL')));
}

/** The model of everything the servers hold; no key may be on two of them. */
export async function everything(servers: readonly Server[]): Promise<Snapshot> {
  const {all, duplicates} = await union(servers);
  assert.equal(duplicates, [], 'keys on two servers');
  return all;
}

export function assertSame(before: Snapshot, after: Snapshot, what: string): void {
  const differences = diffSnapshots(before, after).slice(0, 5);
  assert.equal(
    differences.map(({key, what: kind}) => `${kind} ${key}`),
    [],
    what,
  );
}

/** Every key is, as it was, on at least one server; on two of them it is the same. */
export async function assertNothingLost(before: Snapshot, servers: readonly Server[], what: string): Promise<void> {
  for (const [index, one] of (await Promise.all(servers.map((server) => snapshot(server)))).entries()) {
    const foreign = diffSnapshots(before, one).filter(({what: kind}) => kind !== 'missing');
    assert.equal(
      foreign.map(({key, what: kind}) => `${kind} ${key} on server ${index}`),
      [],
      what,
    );
  }
  const {all} = await union(servers);
  const lost = diffSnapshots(before, all).filter(({what: kind}) => kind === 'missing');
  assert.equal(
    lost.map(({key}) => key),
    [],
    `${what}: lost`,
  );
}

/** Each key on the server that the file gives it to. */
export async function assertPlaced(text: string, servers: readonly Server[], what: string): Promise<void> {
  const place = placer(text, servers);
  const {holders} = await union(servers);
  const wrong: string[] = [];
  for (const [id, on] of holders) {
    const key = Buffer.from(id.slice(id.indexOf(':') + 1), 'hex');
    if (on.length !== 1 || on[0] !== place(key)) wrong.push(`${id.slice(0, 60)} on ${on} instead of ${place(key)}`);
  }
  assert.equal(wrong.slice(0, 5), [], what);
}

/** What a run said, for the message of a failed assertion. */
export function said({status, signal, stdout, stderr}: CliResult): string {
  return `exit ${status ?? signal}\n${stdout.slice(-3000)}\n${stderr.slice(-3000)}`;
}

export function assertStatus(run: CliResult, status: number, what = ''): void {
  assert.is(run.status, status, `${what}\n${said(run)}`);
}

/** The last command in a remedy, without the program's name: what a user would paste. */
export function pasted(text: string): string[] {
  const commands = [...text.matchAll(/rtopo ((?:rebalance|verify|status)[^\n;"]*?)(?=$|\n|;|"|, or|\. )/g)];
  const [, command] = commands.at(-1) ?? [];
  assert.ok(command, `no command in: ${text}`);
  return command!.trim().split(/\s+/);
}

/** Total calls of commands that can change a key, by server. */
export async function writeCalls(raw: Raw): Promise<Record<string, number>> {
  const info = await raw.info('commandstats');
  const writes =
    /^cmdstat_(set|del|unlink|restore|eval|evalsha|pexpire|pexpireat|expire|hset|flushall|config\|set|replicaof|slaveof|bgsave|migrate|function\|(load|delete|flush|restore))$/;
  return Object.fromEntries(
    Object.entries(info)
      .filter(([name]) => writes.test(name))
      .map(([name, text]) => [name, Number(/calls=(\d+)/.exec(text)?.[1])]),
  );
}

export type Request = Partial<RebalanceRequest>;

export interface Hooks {
  /** Interrupted as soon as this phase is entered. */
  readonly stopAt?: string;
  readonly prune?: boolean;
  readonly stopAfter?: 'copied' | 'verified' | 'cutover';
  readonly timeoutMs?: number;
  readonly onPhase?: (phase: string) => void;
}

function hooksOf({stopAt, onPhase}: Hooks) {
  let isStopped = false;
  return {
    interrupted: () => isStopped,
    onProgress: ({phase}: {readonly phase: string}) => {
      onPhase?.(phase);
      if (phase === stopAt) isStopped = true;
    },
  };
}

const stateDirOf = ({home}: Field) => join(home, 'state', 'rtopo');

/** A rebalance by the code behind the command: without the start of a process, and stoppable at a phase. */
export async function rebalanceHere(one: Field, request: Request, hooks: Hooks = {}): Promise<RebalanceReport> {
  const prepared = await prepareHere(one, request, hooks.timeoutMs);
  if (prepared.refusal !== null) throw prepared.refusal;
  return prepared.run({stopAfter: hooks.stopAfter ?? (hooks.prune === false ? 'cutover' : null), ...hooksOf(hooks)});
}

export async function prepareHere(one: Field, request: Request, timeoutMs = 5000) {
  const source = await loadTopology({file: one.file, env: {}, cwd: one.home});
  const options = {timeoutMs, stateDir: stateDirOf(one), again: ''};
  return prepareRebalance(source, {to: undefined, add: [], remove: [], acceptVolatile: [], ...request}, options);
}

function recoverOptions(one: Field, hooks: Hooks) {
  const {timeoutMs = 5000} = hooks;
  return {...hooksOf(hooks), file: one.file, stateDir: stateDirOf(one), id: undefined, timeoutMs, again: ''};
}

export const resumeHere = (one: Field, hooks: Hooks = {}) => resumeOperation(recoverOptions(one, hooks));
export const abortHere = (one: Field, hooks: Hooks = {}) => abort(recoverOptions(one, hooks));
export const pruneHere = (one: Field, hooks: Hooks = {}) => pruneOperation(recoverOptions(one, hooks));
export const tellHere = (one: Field) => tellOperation(recoverOptions(one, {}));

/** The refusal or fault that `work` must end with. */
export async function fault(work: Promise<unknown>, code: string, exit: number): Promise<RtopoError> {
  let ended: unknown;
  try {
    ended = await work;
  } catch (error) {
    assert.instance(error, RtopoError, String((error as Error).stack));
    const found = error as RtopoError;
    assert.is(`${found.code} ${found.exit}`, `${code} ${exit}`, `${found.message}\n${found.remedy}`);
    return found;
  }
  throw new Error(`ended well instead of ${code}: ${JSON.stringify(ended)?.slice(0, 500)}`);
}

/** Refused, and both servers are byte for byte what they were, without a single write command. */
export async function assertUntouched(servers: readonly Server[], act: () => Promise<unknown>): Promise<void> {
  const before = await Promise.all(servers.map((server) => snapshot(server)));
  const calls = await Promise.all(servers.map(({raw}) => writeCalls(raw)));
  await act();
  assert.equal(await Promise.all(servers.map(({raw}) => writeCalls(raw))), calls, 'a write command was sent');
  assert.equal(await Promise.all(servers.map((server) => snapshot(server))), before);
}
