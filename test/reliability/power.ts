/**
 * A power cut of rtopo's host. kill -9 leaves the page cache to the kernel, so it never finds a missing fsync; here a run is killed at a
 * boundary while all its file operations are recorded, and what no fsync had covered is taken away again, in several ways, before the resume.
 */
import {existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import * as assert from 'uvu/assert';
import {said} from '../migration/field.js';
import {prng} from '../rig/data.js';
import type {Rig} from '../rig/servers.js';
import {assertFinished, assertNoop, assertWhole, resumeStrictly} from './check.js';
import {type FileFate, fates, type Loss, lose, losses, tracedCalls} from './durability.js';
import {readRecords} from './journal-api.js';
import {argsOf, type Verb} from './kill.js';
import {errorOf, launch} from './launch.js';
import type {Outcome} from './layer.js';
import type {TcpProxy} from './proxy.js';
import {holders, type Scene} from './scene.js';
import {calls, parsePoint, singlePool} from './strace.js';

/** Seeds of loss that are read back at each boundary. */
const SEEDS = 20;

export interface PowerCut {
  readonly scene: Scene;
  readonly rig: Rig;
  readonly proxies: readonly TcpProxy[];
  readonly verb: Verb;
  /** `fsync@7`: before that call; `bytes@12345`: when rtopo has sent so many bytes to the servers. */
  readonly at: string;
  readonly loss: Loss;
  /** Of what is lost. */
  readonly seed: number;
}

/** `leadUp` was done; the verb runs, is cut off, loses what was not synced, and is resumed. */
export async function cutPower(cut: PowerCut): Promise<Outcome> {
  const {scene, rig, loss, seed} = cut;
  const lay = await holders(scene.servers);
  const trace = join(rig.dir, 'power');
  const sizes = new Map(filesOf(scene).map((path) => [path, statSync(path).size]));
  const ended = await (cut.at.startsWith('bytes@') ? killAtBytes(cut, trace) : killAtCall(cut, trace));
  const hit = ended.signal === 'SIGKILL';
  assert.ok(hit || ended.status === 0, `neither killed nor done: ${said(ended)}`);
  const found = fates(readFileSync(trace, 'latin1'), sizes);
  const checks = assertReadable(scene, rig, found, seed);
  const unsynced = applyLoss(scene, found, loss, seed);
  await assertWhole(scene, `power cut, ${loss}`);
  if (loss === 'holes' && (await isRefusedWhole(scene))) return {hit, met: 'power cut: holes refused', checks};
  await resumeStrictly(scene, lay, `power cut, ${loss}`);
  await assertFinished(scene, `power cut, ${loss}`);
  if (seed % 3 === 0) await assertNoop(scene, 'power cut');
  return {hit, met: `power cut: ${unsynced ? 'unsynced bytes' : 'all synced'}`, checks};
}

/** Everything that the product may have written. */
function filesOf({home}: Scene): string[] {
  const state = join(home.home, 'state', 'rtopo');
  const inState = existsSync(state)
    ? readdirSync(state, {recursive: true, encoding: 'utf8'}).map((name) => join(state, name))
    : [];
  const beside = readdirSync(dirname(home.file)).map((name) => join(dirname(home.file), name));
  return [...inState, ...beside].filter((path) => statSync(path).isFile());
}

const isJournal = (path: string): boolean => path.includes('/state/rtopo/');

function recorder(file: string): string[] {
  const traced = [...new Set([...tracedCalls.split(','), ...calls])].join(',');
  return ['strace', '-f', '-yy', '-s', '0', '-o', file, '-e', `trace=${traced}`];
}

function killAtCall({scene, verb, at}: PowerCut, file: string) {
  const {name, n} = parsePoint(at);
  const under = [...recorder(file), '-e', `inject=${name}:signal=KILL:when=${n}`];
  return launch(scene.home, argsOf(scene, verb), {under, env: singlePool}).done;
}

/** The servers get exactly so many bytes; what rtopo does until it is dead only reaches its own files. */
function killAtBytes({scene, verb, at, proxies}: PowerCut, file: string) {
  let left = Number(at.slice('bytes@'.length));
  const run = launch(scene.home, argsOf(scene, verb), {under: recorder(file), env: singlePool});
  for (const proxy of proxies) {
    proxy.admit = (bytes) => {
      if (left <= 0) return 0;
      const passed = Math.min(bytes, left);
      left -= passed;
      if (left <= 0) run.killInner();
      return passed;
    };
  }
  return run.done.finally(() => {
    for (const proxy of proxies) {
      proxy.admit = null;
      proxy.cut();
    }
  });
}

/** Twenty ways to lose the unsynced part: each leaves a journal that begins with every record that was synced, and nothing made up. */
function assertReadable(scene: Scene, rig: Rig, found: ReadonlyMap<string, FileFate>, seed: number): number {
  let checks = 0;
  for (const path of filesOf(scene).filter((one) => one.endsWith('.jsonl'))) {
    const bytes = readFileSync(path);
    const durableBytes = found.get(path)?.durableBytes ?? bytes.length;
    const whole = readRecords(path).records;
    const copy = join(rig.dir, 'lost.jsonl');
    writeFileSync(copy, bytes.subarray(0, durableBytes), {mode: 0o600});
    const synced = readRecords(copy);
    assert.is(synced.isRefused, false, 'what was synced cannot be read');
    for (let i = 0; i < SEEDS; i++) {
      const loss = losses[i % losses.length]!;
      writeFileSync(copy, lose(bytes, durableBytes, loss, seed * SEEDS + i), {mode: 0o600});
      const {records, isRefused} = readRecords(copy);
      assert.ok(
        loss === 'holes' || !isRefused,
        `${loss} of ${bytes.length - durableBytes} bytes makes the journal unreadable`,
      );
      assert.ok(records.length >= synced.records.length, `${loss} lost a record that was synced`);
      assert.equal(records, whole.slice(0, records.length), `${loss} made a record up`);
      checks += 1;
    }
  }
  return Math.max(1, checks);
}

/** Takes away what was not synced. Returns whether there was anything. */
function applyLoss(scene: Scene, found: ReadonlyMap<string, FileFate>, loss: Loss, seed: number): boolean {
  const random = prng(seed);
  let lost = false;
  for (const path of filesOf(scene)) {
    const fate = found.get(path);
    if (fate === undefined) continue;
    const bytes = readFileSync(path);
    if (!fate.isNameDurable && loss !== 'all-kept' && (loss === 'none-kept' || random.int(2) === 0)) {
      lost = true;
      // The name led to the old content before, or to nothing.
      if (path === scene.home.file) writeFileSync(path, scene.from);
      else rmSync(path);
    } else if (fate.durableBytes < bytes.length) {
      lost = true;
      if (isJournal(path) || loss !== 'holes') writeFileSync(path, lose(bytes, fate.durableBytes, loss, seed));
    }
  }
  return lost;
}

/** A hole in the middle of a record that was never confirmed is damage to the reader: it may refuse, and then it has changed nothing. */
async function isRefusedWhole(scene: Scene): Promise<boolean> {
  const lay = await holders(scene.servers);
  const run = await launch(scene.home, ['rebalance', 'resume', '--json']).done;
  if (errorOf(run)?.code !== 'JOURNAL_DAMAGED') return false;
  assert.is(run.status, 1, said(run));
  assert.is(await holders(scene.servers), lay, 'refused, and yet keys moved');
  return true;
}
