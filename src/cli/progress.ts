/** Progress on stderr: one redrawn line on a terminal, a line every ten seconds without one. Never a stream of dots in a log. */
import {writeOut} from './base.js';

const REDRAW_MS = 100;
const HEARTBEAT_MS = 10_000;

export class ProgressLine {
  readonly #stream: NodeJS.WriteStream;
  readonly #silent: boolean;
  #lastMs = Date.now();
  #drawn = false;

  /** @param silent nothing at all, as under `--json` */
  constructor(stream: NodeJS.WriteStream, silent: boolean) {
    this.#stream = stream;
    this.#silent = silent;
  }

  /** Shows the text when it is time for it. `now`: at once, as the last word of a phase. */
  show(text: string, now = false): void {
    if (this.#silent) return;
    const tty = this.#stream.isTTY === true;
    const elapsedMs = Date.now() - this.#lastMs;
    if (!now && elapsedMs < (tty ? REDRAW_MS : HEARTBEAT_MS)) return;
    this.#lastMs = Date.now();
    this.#drawn = tty;
    // A line that wrapped could not be redrawn: the second half would stay.
    const fitting = text.slice(0, (this.#stream.columns ?? 80) - 1);
    writeOut(this.#stream, tty ? `\r\u001b[2K${fitting}` : `${text}\n`);
  }

  /** Takes the redrawn line away, so that what follows starts on a clean one. */
  clear(): void {
    if (this.#drawn) writeOut(this.#stream, '\r\u001b[2K');
    this.#drawn = false;
  }
}

/** Counts interrupts: the first asks to stop after the batch at hand, the second ends the process as it stands. */
export function onInterrupt(say: (text: string) => void): () => boolean {
  let asked = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (asked) process.exit(130);
      asked = true;
      say('stopping after the batch at hand; once more to stop at once (the journal allows a resume either way)');
    });
  }
  return () => asked;
}
