/** Progress on stderr: a few redrawn lines on a terminal, a line every ten seconds without one. Never a stream of dots in a log. */
import {writeOut} from './base.js';

const REDRAW_MS = 100;
const HEARTBEAT_MS = 10_000;

/** What is shown: all of it where it can be redrawn, the total where every line stays. */
export interface Shown {
  readonly lines: readonly string[];
  readonly total: string;
}

export class ProgressLine {
  readonly #stream: NodeJS.WriteStream;
  readonly #silent: boolean;
  #lastMs = Date.now();
  /** Lines on the screen that are ours. */
  #drawn = 0;

  /** @param silent nothing at all, as under `--json` */
  constructor(stream: NodeJS.WriteStream, silent: boolean) {
    this.#stream = stream;
    this.#silent = silent;
  }

  /** One line, when it is time for it. */
  show(text: string): void {
    // A line that wrapped could not be redrawn: the second half would stay.
    this.draw(() => ({lines: [text.slice(0, (this.#stream.columns ?? 80) - 1)], total: text}));
  }

  /** Shows what `make` gives, when it is time for it. `now`: at once, as the first word of a phase. */
  draw(make: () => Shown, now = false): void {
    if (this.#silent) return;
    const canRedraw = this.#stream.isTTY === true && process.env.TERM !== 'dumb';
    const elapsedMs = Date.now() - this.#lastMs;
    if (!now && elapsedMs < (canRedraw ? REDRAW_MS : HEARTBEAT_MS)) return;
    this.#lastMs = Date.now();
    const {lines, total} = make();
    if (!canRedraw) {
      writeOut(this.#stream, `${total}\n`);
      return;
    }
    // More lines than the screen has could not be taken back: they would have scrolled away.
    const fitting = lines.length < (this.#stream.rows ?? 24) ? lines : [total];
    writeOut(this.#stream, `${this.#start()}${fitting.join('\n')}`);
    this.#drawn = fitting.length;
  }

  /** Takes the redrawn lines away, so that what follows starts on a clean one. */
  clear(): void {
    if (this.#drawn > 0) writeOut(this.#stream, this.#start());
    this.#drawn = 0;
  }

  /** Back to the first of our lines, and nothing below. */
  #start(): string {
    const up = this.#drawn > 1 ? `\u001b[${this.#drawn - 1}A` : '';
    return `\r${up}\u001b[J`;
  }
}

/** Counts interrupts: the first asks to stop after the batch at hand, the second ends the process as it stands. */
export function onInterrupt(
  say: (text: string) => void,
  text = 'stopping after the batch at hand; once more to stop at once (the journal allows a resume either way)',
): () => boolean {
  let asked = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (asked) process.exit(130);
      asked = true;
      say(text);
    });
  }
  return () => asked;
}
