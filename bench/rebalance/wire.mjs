/** Just enough of the Redis protocol for the benchmarks: commands sent at once, replies in order, refusals as values. */
import {connect} from 'node:net';

const CR_LF = '\r\n';

export class Wire {
  #socket;
  #rest = Buffer.alloc(0);
  #waiting = [];
  #fault = null;

  static connect(port) {
    return new Promise((resolve, reject) => {
      const socket = connect({port, host: '127.0.0.1', noDelay: true});
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new Wire(socket));
      });
    });
  }

  constructor(socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => this.#receive(chunk));
    socket.on('error', () => {});
    socket.on('close', () => this.#fail(new Error('the connection was closed')));
  }

  /** Sends bytes that hold so many commands. Their replies; with `keep` false only the refusals among them. */
  send(bytes, count, keep = true) {
    if (this.#fault !== null) return Promise.reject(this.#fault);
    return new Promise((resolve, reject) => {
      this.#waiting.push({replies: [], left: count, keep, resolve, reject});
      this.#socket.write(bytes);
    });
  }

  batch(commands) {
    return commands.length === 0 ? Promise.resolve([]) : this.send(encode(commands), commands.length);
  }

  /** One command; a refusal is thrown. */
  async call(...command) {
    const [reply] = await this.batch([command]);
    if (reply instanceof Error) throw new Error(`${command[0]}: ${reply.message}`);
    return reply;
  }

  close() {
    this.#socket.destroy();
  }

  #receive(chunk) {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (this.#waiting.length > 0) {
      const parsed = parse(bytes, at);
      if (parsed === null) break;
      at = parsed.end;
      const first = this.#waiting[0];
      if (first.keep || parsed.value instanceof Error) first.replies.push(parsed.value);
      first.left -= 1;
      if (first.left === 0) this.#waiting.shift().resolve(first.replies);
    }
    this.#rest = bytes.subarray(at);
  }

  #fail(fault) {
    this.#fault = fault;
    for (const {reject} of this.#waiting.splice(0)) reject(fault);
  }
}

/** One reply from `at` on, or null when it is not all there. Bulk strings are views of `bytes`. */
function parse(bytes, at) {
  const lineEnd = bytes.indexOf(CR_LF, at);
  if (lineEnd < 0) return null;
  const line = bytes.latin1Slice(at + 1, lineEnd);
  const next = lineEnd + 2;
  switch (bytes[at]) {
    case 0x2b: // +
      return {value: line, end: next};
    case 0x2d: // -
      return {value: new Error(line), end: next};
    case 0x3a: // :
      return {value: Number(line), end: next};
    case 0x24: {
      // $
      const length = Number(line);
      if (length < 0) return {value: null, end: next};
      if (bytes.length < next + length + 2) return null;
      return {value: bytes.subarray(next, next + length), end: next + length + 2};
    }
    case 0x2a: // *
      return parseArray(bytes, next, Number(line));
    default:
      throw new Error(`not a reply: ${bytes.latin1Slice(at, at + 40)}`);
  }
}

function parseArray(bytes, start, count) {
  if (count < 0) return {value: null, end: start};
  const value = [];
  let at = start;
  for (let i = 0; i < count; i++) {
    const element = parse(bytes, at);
    if (element === null) return null;
    value.push(element.value);
    at = element.end;
  }
  return {value, end: at};
}

export function encode(commands) {
  const parts = [];
  for (const command of commands) {
    let text = `*${command.length}${CR_LF}`;
    for (const part of command) {
      const bytes = Buffer.isBuffer(part) ? part : Buffer.from(String(part));
      parts.push(Buffer.from(`${text}$${bytes.length}${CR_LF}`, 'latin1'), bytes);
      text = CR_LF;
    }
    parts.push(Buffer.from(CR_LF, 'latin1'));
  }
  return Buffer.concat(parts);
}

/** All keys of a server, page by page. */
export async function* scan(wire, count = 1000) {
  let cursor = '0';
  do {
    const [next, keys] = await wire.call('SCAN', cursor, 'COUNT', count);
    cursor = next.toString();
    yield keys;
  } while (cursor !== '0');
}
