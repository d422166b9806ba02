/**
 * Stops a running rtopo at a moment of its story, seen from outside: the text of its journal is watched, and the process gets SIGSTOP.
 * The words looked for are the only thing that the harness knows of the journal's format.
 */
import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import type {Field} from '../migration/field.js';
import type {Started} from '../rig/cli.js';
import {sleep, until} from '../rig/wait.js';

/** Moments in their order, and what the journal holds as soon as each has come. */
const signs = {
  begun: /"type":"begin"/,
  copying: /"phase":"copying"/,
  'some-copied': /"type":"copied"/,
  copied: /"phase":"copied"/,
  verified: /"phase":"verified"/,
  cutover: /"phase":"cutover"/,
  pruning: /"phase":"pruning"/,
  'some-pruned': /"type":"pruned"/,
  done: /"phase":"done"/,
} as const;
export type Moment = keyof typeof signs;
export const moments = Object.keys(signs) as Moment[];

/** Everything below the state folder, as one text; bytes that are no text do not matter here. */
export function journalText({home}: Field): string {
  const root = join(home, 'state', 'rtopo');
  try {
    return readdirSync(root, {recursive: true, encoding: 'utf8'})
      .sort()
      .map((name) => {
        try {
          return readFileSync(join(root, name), 'latin1');
        } catch {
          return ''; // A folder, or gone since.
        }
      })
      .join('\n');
  } catch {
    return '';
  }
}

/** The last moment that the journal tells of; null when there is none. */
export function momentOf(text: string): Moment | null {
  return moments.findLast((moment) => signs[moment].test(text)) ?? null;
}

/**
 * Freezes the process once the moment has come; returns the moment at which it really stands, or null when it ended before.
 * The process is left frozen: whoever called thaws or kills it.
 */
export async function freezeAt(home: Field, run: Started, moment: Moment): Promise<Moment | null> {
  let ended = false;
  run.done.then(
    () => {
      ended = true;
    },
    () => {
      ended = true;
    },
  );
  while (!ended) {
    if (signs[moment].test(journalText(home))) {
      run.kill('SIGSTOP');
      await until(
        'the run to stop',
        () => ended || /^\d+ \(.*\) T/.test(readFileSync(`/proc/${run.pid}/stat`, 'latin1')),
      );
      return ended ? null : momentOf(journalText(home));
    }
    await sleep(1);
  }
  return null;
}

export function thaw(run: Started): void {
  run.kill('SIGCONT');
}
