/** RESP2 as bytes: what a request looks like, and how replies are read, whatever the chunks they come in. */

export type Arg = string | Buffer | number;
/** Bulk strings are Buffers, simple strings are strings; an error inside an array or a pipeline is a `RawError`. */
export type Reply = Buffer | string | number | null | RawError | Reply[];

export class RawError extends Error {
  override readonly name = 'RawError';
}

export function encode(command: readonly Arg[]): Buffer {
  const args = command.map((arg) => (typeof arg === 'object' ? arg : String(arg)));
  const lengths = args.map((arg) => (typeof arg === 'string' ? Buffer.byteLength(arg) : arg.length));
  const heads = lengths.map((length) => `$${length}\r\n`);
  const first = `*${args.length}\r\n`;
  const size = lengths.reduce((sum, length, i) => sum + length + heads[i]!.length + 2, first.length);
  const out = Buffer.allocUnsafe(size);
  let at = out.write(first, 0, 'latin1');
  for (const [i, arg] of args.entries()) {
    at += out.write(heads[i]!, at, 'latin1');
    at += typeof arg === 'string' ? out.write(arg, at) : arg.copy(out, at);
    at += out.write('\r\n', at, 'latin1');
  }
  return out;
}

/** Resumable: every complete header or value is consumed once, whatever the chunks. */
export class Decoder {
  #chunks: Buffer[] = [];
  #buffered = 0;
  #wanted = 1;
  #open: {left: number; items: Reply[]}[] = [];

  push(chunk: Buffer): Reply[] {
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    const done: Reply[] = [];
    if (this.#buffered < this.#wanted) return done;
    const bytes = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
    let at = 0;
    this.#wanted = 1;
    for (;;) {
      const step = this.#step(bytes, at);
      if (step === null) break;
      at = step.next;
      if (step.value !== undefined) this.#settle(step.value, done);
    }
    this.#chunks = [bytes.subarray(at)];
    this.#buffered = bytes.length - at;
    return done;
  }

  /** One header with its value; null when bytes are missing; no value when an array was opened. */
  #step(bytes: Buffer, at: number): {next: number; value?: Reply} | null {
    const end = bytes.indexOf('\r\n', at);
    if (end < 0) return null;
    const line = bytes.toString('latin1', at + 1, end);
    const next = end + 2;
    switch (String.fromCharCode(bytes[at]!)) {
      case '+':
        return {next, value: bytes.toString('utf8', at + 1, end)};
      case '-':
        return {next, value: new RawError(bytes.toString('utf8', at + 1, end))};
      case ':':
        return {next, value: Number(line)};
      case '$': {
        const length = Number(line);
        if (length < 0) return {next, value: null};
        if (bytes.length < next + length + 2) {
          this.#wanted = next + length + 2 - at;
          return null;
        }
        return {next: next + length + 2, value: bytes.subarray(next, next + length)};
      }
      case '*': {
        const count = Number(line);
        if (count < 0) return {next, value: null};
        if (count === 0) return {next, value: []};
        this.#open.push({left: count, items: []});
        return {next};
      }
      default:
        throw new Error(`not RESP2: ${JSON.stringify(bytes.toString('latin1', at, Math.min(end, at + 60)))}`);
    }
  }

  #settle(value: Reply, done: Reply[]): void {
    let current: Reply = value;
    for (;;) {
      const array = this.#open.at(-1);
      if (array === undefined) {
        done.push(current);
        return;
      }
      array.items.push(current);
      array.left -= 1;
      if (array.left > 0) return;
      this.#open.pop();
      current = array.items;
    }
  }
}
