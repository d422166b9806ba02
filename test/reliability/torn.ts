/** Journals that a crash or a bad disk has damaged: cut off at every byte, one bit wrong in every byte, and what the command line makes of it. */
import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import * as assert from 'uvu/assert';
import {assertStatus, said} from '../migration/field.js';
import {prng} from '../rig/data.js';
import type {Rig} from '../rig/servers.js';
import {assertFinished, assertWhole} from './check.js';
import {readRecords} from './journal-api.js';
import {leadUp} from './kill.js';
import {errorOf, launch} from './launch.js';
import type {Outcome} from './layer.js';
import {holders, type Scene} from './scene.js';

export type Sweep = 'torn' | 'flip';

/** Makes a journal, finished or not, by really running. */
async function journalOf(scene: Scene, state: 'finished' | 'unfinished'): Promise<Buffer> {
  if (state === 'unfinished') await leadUp(scene, 'resume-pruning');
  else assertStatus(await launch(scene.home, [...scene.args, '--json']).done, 0);
  const path = scene.home.journals().find((name) => name.endsWith('.jsonl'));
  assert.ok(path, 'no journal');
  return readFileSync(path!);
}

/** In this process, with the product's reader: every `step`-th byte. */
export async function sweep(
  scene: Scene,
  rig: Rig,
  how: {kind: Sweep; state: 'finished' | 'unfinished'; step: number},
): Promise<Outcome> {
  const bytes = await journalOf(scene, how.state);
  const path = join(rig.dir, 'swept.jsonl');
  writeFileSync(path, bytes, {mode: 0o600});
  const whole = readRecords(path).records;
  const ends = [...bytes.entries()].flatMap(([at, byte]) => (byte === 10 ? [at + 1] : []));
  assert.is(ends.length, whole.length, 'one line for each record');
  let checks = 0;
  for (let at = 0; at < bytes.length; at += how.step) {
    if (how.kind === 'torn') {
      writeFileSync(path, bytes.subarray(0, at));
      const expected = ends.filter((end) => end <= at).length;
      assert.equal(readRecords(path), {records: whole.slice(0, expected), isRefused: false}, `cut off at byte ${at}`);
    } else assertFlip({path, bytes, whole, ends, at});
    checks += 1;
    // Other cases run in this process too, and their clients have deadlines.
    if (checks % 20 === 0) await new Promise((done) => setImmediate(done));
  }
  return {hit: true, met: `${how.kind === 'torn' ? 'torn tail' : 'bit flip'}, ${how.state} journal`, checks};
}

interface Flip {
  readonly path: string;
  readonly bytes: Buffer;
  readonly whole: readonly string[];
  readonly ends: readonly number[];
  readonly at: number;
}

/** Nothing is made up, and only a last record without its end may be dropped in silence. */
function assertFlip({path, bytes, whole, ends, at}: Flip): void {
  const wrong = Buffer.from(bytes);
  wrong[at]! ^= 1 << (at % 8);
  writeFileSync(path, wrong);
  const {records, isRefused} = readRecords(path);
  const record = ends.findIndex((end) => at < end);
  assert.equal(records, whole.slice(0, record), `bit ${at % 8} of byte ${at} was not noticed`);
  const isLastEnd = at === bytes.length - 1;
  assert.is(isRefused, !isLastEnd, `bit ${at % 8} of byte ${at}`);
}

/** Through the command line: a torn tail is gone over, a flipped bit is refused before anything is changed; with the right bytes back it goes on. */
export async function throughCommand(scene: Scene, kind: Sweep, seed: number): Promise<Outcome> {
  const random = prng(seed);
  const bytes = await journalOf(scene, 'unfinished');
  const path = scene.home.journals().find((name) => name.endsWith('.jsonl'))!;
  const lay = await holders(scene.servers);
  const start = bytes.lastIndexOf(10, bytes.length - 2) + 1;
  if (kind === 'torn') writeFileSync(path, bytes.subarray(0, start + random.int(bytes.length - start)));
  else {
    const wrong = Buffer.from(bytes);
    wrong[random.int(bytes.length - 1)]! ^= 1 << random.int(8);
    writeFileSync(path, wrong);
    const refused = await launch(scene.home, ['rebalance', 'resume', '--yes', '--json']).done;
    assert.is(errorOf(refused)?.code, 'JOURNAL_DAMAGED', said(refused));
    assertStatus(refused, 1);
    assert.is(await holders(scene.servers), lay, 'refused, and yet keys moved');
    writeFileSync(path, bytes);
  }
  await assertWhole(scene, kind);
  assertStatus(await launch(scene.home, ['rebalance', 'resume', '--yes', '--json']).done, 0, kind);
  await assertFinished(scene, kind);
  return {hit: true, met: `${kind} through the command line`};
}
