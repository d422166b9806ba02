/**
 * A page that is redrawn in place, on the terminal's second screen: what was there before comes back when it is over, however it
 * is over. A page is drawn in one write, line by line over the old one, so that nothing flickers.
 */
import {clip} from '../render/width.js';
import {writeOut} from './base.js';

const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const CLEAR_LINE = '\u001b[2K';
const CLEAR_BELOW = '\u001b[J';

/** Makes the page anew: its width may have changed since. */
type Page = () => string;

export class LiveScreen {
  readonly #stream: NodeJS.WriteStream;
  #page: Page | null = null;
  #isOpen = false;
  readonly #redraw = (): void => this.#drawNow();
  readonly #close = (): void => this.close();
  readonly #stop = (): void => {
    this.#leave();
    // Listening to SIGTSTP took its effect away; the other one cannot be listened to.
    process.kill(process.pid, 'SIGSTOP');
  };
  readonly #goOn = (): void => {
    this.#enter();
    this.#drawNow();
  };

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  /** Can this stream be redrawn at all? */
  static fits(stream: NodeJS.WriteStream): boolean {
    return stream.isTTY === true && process.env.TERM !== 'dumb';
  }

  draw(page: Page): void {
    this.#page = page;
    if (!this.#isOpen) this.#open();
    this.#drawNow();
  }

  /** The terminal as it was. May be called twice. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#stream.off('resize', this.#redraw);
    process.off('exit', this.#close);
    process.off('SIGTSTP', this.#stop);
    process.off('SIGCONT', this.#goOn);
    this.#leave();
  }

  #open(): void {
    this.#isOpen = true;
    this.#stream.on('resize', this.#redraw);
    // Also when an error ends the process: a terminal without a cursor is a broken one.
    process.on('exit', this.#close);
    process.on('SIGTSTP', this.#stop);
    process.on('SIGCONT', this.#goOn);
    this.#enter();
  }

  #enter(): void {
    writeOut(this.#stream, ENTER);
  }

  #leave(): void {
    writeOut(this.#stream, LEAVE);
  }

  #drawNow(): void {
    if (this.#page === null || !this.#isOpen) return;
    // Some pseudo terminals have no size, and say 0.
    const [columns, rows] = [this.#stream.columns || 80, this.#stream.rows || 24];
    const lines = fitted(this.#page().trimEnd().split('\n'), {columns, rows});
    writeOut(this.#stream, `${HOME}${lines.map((line) => `${CLEAR_LINE}${line}`).join('\r\n')}${CLEAR_BELOW}`);
  }
}

/** What the screen has room for. A line that wrapped would push the last one out at the bottom. */
export function fitted(lines: readonly string[], {columns, rows}: {columns: number; rows: number}): string[] {
  const most = Math.max(1, rows);
  const fitting = lines.length <= most ? lines : lines.slice(0, most - 1);
  const left = lines.length - fitting.length;
  const more = left === 0 ? [] : [`… ${left} more lines: make the window higher, or run rtopo status`];
  return [...fitting, ...more].map((line) => clip(line, columns));
}
