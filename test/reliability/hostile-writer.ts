/** An application that goes on writing to moving keys, and keeps a ledger of what was acknowledged to it. */
import {readFileSync} from 'node:fs';
import * as assert from 'uvu/assert';
import {durable, said} from '../migration/field.js';
import {prng, type Random} from '../rig/data.js';
import type {Raw} from '../rig/raw.js';
import {type Server, withServers} from '../rig/servers.js';
import {sleep} from '../rig/wait.js';
import {errorOf, launch} from './launch.js';
import type {Outcome} from './layer.js';
import {freezeAt, type Moment, thaw} from './phase.js';
import {makeScene, type Scene} from './scene.js';

/** What the old owner acknowledged last: the value and its expiry (-1 for none), or null for a deletion. */
interface Entry {
  readonly value: string | null;
  readonly expireAtMs: number;
  /** The file still named the old owner when the write was sent. */
  readonly isRightful: boolean;
}
type Ledger = Map<string, Entry>;

export const writes = ['SET', 'INCR', 'PEXPIREAT', 'DEL'] as const;
export type Write = (typeof writes)[number];

const names = Array.from({length: 60}, (_, i) => `written:${i}`);
const FAR_MS = 4_000_000_000_000;

interface Writer {
  readonly raw: Raw;
  readonly moving: readonly string[];
  readonly ledger: Ledger;
  readonly random: Random;
  readonly scene: Scene;
}

async function writeOnce({raw, moving, ledger, random, scene}: Writer, kind: Write): Promise<void> {
  const key = random.pick(moving);
  const isRightful = readFileSync(scene.home.file, 'utf8') === scene.from;
  const was = ledger.get(key)!;
  const note = (value: string | null, expireAtMs: number) => ledger.set(key, {value, expireAtMs, isRightful});
  switch (kind) {
    case 'SET': {
      const value = String(random.int(1e9));
      await raw.cmd('SET', key, value);
      note(value, -1);
      break;
    }
    case 'INCR':
      note(String(await raw.cmd('INCR', key)), was.value === null ? -1 : was.expireAtMs);
      break;
    case 'PEXPIREAT': {
      const at = FAR_MS + random.int(1e6);
      if ((await raw.cmd('PEXPIREAT', key, at)) === 1) note(was.value, at);
      break;
    }
    case 'DEL':
      await raw.cmd('DEL', key);
      note(null, -1);
  }
}

type When = Moment | 'throughout';

/** A writer that writes all the time, or a few times at one moment. */
export function writing(kind: Write | 'all', when: When) {
  return (seed: number): Promise<Outcome> =>
    withServers([durable, durable, durable], async (servers, rig) => {
      const [source, target] = servers as [Server, Server];
      let moving: string[] = [];
      const more = async (_: unknown, next: (key: Buffer) => number) => {
        moving = names.filter((name) => next(Buffer.from(name)) === 1);
        await source.raw.pipeline(names.map((name, i) => ['SET', name, i]));
      };
      const scene = await makeScene({servers, rig, shape: 'split', seed, more});
      const ledger: Ledger = new Map(
        names.map((name, i) => [name, {value: String(i), expireAtMs: -1, isRightful: true}]),
      );
      const writer: Writer = {raw: await source.connect(), moving, ledger, random: prng(seed), scene};
      const run = launch(scene.home, [...scene.args, '--json']);
      const choose = () => (kind === 'all' ? writer.random.pick(writes) : kind);
      let ended = false;
      const done = run.done.finally(() => {
        ended = true;
      });
      if (when === 'throughout') {
        while (!ended) {
          await writeOnce(writer, choose());
          await sleep(1);
        }
      } else {
        if ((await freezeAt(scene.home, run, when)) === null) return {hit: false, met: 'over'};
        for (let i = 0; i < 5; i++) await writeOnce(writer, choose());
        thaw(run);
      }
      const end = await done;
      await judge({scene, source, target, ledger, end, what: `${kind} ${when}`});
      return {
        hit: true,
        met: `writer ${when === 'throughout' ? when : `at ${when}`}: ${errorOf(end)?.code ?? 'exit 0'}`,
      };
    });
}

interface Trial {
  readonly scene: Scene;
  readonly source: Server;
  readonly target: Server;
  readonly ledger: Ledger;
  readonly end: Awaited<ReturnType<typeof launch>['done']>;
  readonly what: string;
}

/** Exit 0: the new owner has what was acknowledged last. Exit 4: somebody has it, and where the file is still the old one, the old owner. */
async function judge({scene, source, target, ledger, end, what}: Trial): Promise<void> {
  assert.ok(end.status === 0 || end.status === 4, `${what}: ${said(end)}`);
  const hasCutOver = scene.home.text() !== scene.from;
  const lost: string[] = [];
  for (const [key, entry] of ledger) {
    const [here, there] = [await look(source.raw, key), await look(target.raw, key)];
    const wanted = entry.value === null ? 'nothing' : `${entry.value} until ${entry.expireAtMs}`;
    const found = [here, there].filter((one) => one !== 'nothing');
    // Before the cutover the old owner counts; afterwards a deletion there is a message that came to the wrong address.
    const isKept = !hasCutOver
      ? here === wanted
      : entry.value === null
        ? found.length === 0 || !entry.isRightful || end.status === 4
        : found.includes(wanted) && (end.status === 4 || found.length === 1);
    if (!isKept) lost.push(`${key}: acknowledged ${wanted}, found ${here} and ${there}`);
  }
  assert.equal(lost.slice(0, 4), [], `${what}: exit ${end.status}, ${lost.length} acknowledged writes lost`);
}

async function look(raw: Raw, key: string): Promise<string> {
  const [value, expireAt] = await raw.pipeline([
    ['GET', key],
    ['PEXPIRETIME', key],
  ]);
  return value === null ? 'nothing' : `${String(value)} until ${String(expireAt)}`;
}
