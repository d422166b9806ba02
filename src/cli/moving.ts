/** What the commands that move keys share at the terminal: progress in words, and the first interrupt. */
import {bytes, count} from '../render/units.js';
import {BaseCommand} from './base.js';
import {stateDir} from './flags.js';
import {onInterrupt, ProgressLine} from './progress.js';

/** A moment of a move, as the migration wing tells it. */
export interface MoveProgress {
  readonly phase: string;
  readonly keys: number;
  readonly totalKeys: number | null;
  readonly bytes: number;
}

export abstract class MovingCommand extends BaseCommand {
  static override baseFlags = {...BaseCommand.baseFlags, 'state-dir': stateDir};

  /** Callbacks for an operation, and the end of their line. */
  protected terminal(): {onProgress: (progress: MoveProgress) => void; interrupted: () => boolean; clear: () => void} {
    const line = new ProgressLine(process.stderr, this.jsonEnabled());
    let [phase, startedMs] = ['', Date.now()];
    const interrupted = onInterrupt((text) => {
      line.clear();
      this.say(text);
    });
    const onProgress = (progress: MoveProgress): void => {
      if (progress.phase !== phase) [phase, startedMs] = [progress.phase, Date.now()];
      line.show(progressText(progress, (Date.now() - startedMs) / 1000), progress.keys === 0);
    };
    return {onProgress, interrupted, clear: () => line.clear()};
  }
}

function progressText({phase, keys, totalKeys, bytes: sent}: MoveProgress, elapsedSeconds: number): string {
  if (keys === 0) return phase;
  const rate = elapsedSeconds > 0 ? keys / elapsedSeconds : 0;
  const share =
    totalKeys === null || totalKeys === 0 ? '' : ` of ${count(totalKeys)} (${Math.floor((100 * keys) / totalKeys)} %)`;
  const left =
    totalKeys === null || rate === 0 ? '' : `, about ${Math.max(0, Math.ceil((totalKeys - keys) / rate))} s left`;
  return `${phase}  ${count(keys)}${share} keys, ${bytes(sent)}, ${count(Math.round(rate))} keys/s${left}`;
}
