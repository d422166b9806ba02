/**
 * The connection of a tap: it first answers questions, as any connection does, and then only streams. Not one of the data plane, for after PSYNC nothing
 * that arrives is a reply.
 */
import type {Socket} from 'node:net';
import type {RtopoError} from '../../errors.js';
import {addressText} from '../../topology/types.js';
import type {Endpoint} from '../connect.js';
import {resolveCredentials} from '../credentials.js';
import {networkFault, replyFault, timeoutFault} from '../faults.js';
import {type Info, parseInfo} from '../info.js';
import type {CommandStream} from './command-stream.js';
import {Decoder, ProtocolError, ReplyError, type RespReply} from './decode.js';
import {dial} from './dial.js';
import {encodeCommands, type Part} from './encode.js';

const REPLAY_LIMIT_MS = 600_000;
const KEEP_ALIVE_MS = 1000;
/** An error reply at most; `+CONTINUE` and the name of a history are shorter. */
const MAX_ANSWER_BYTES = 16 * 1024;
/** Nothing is due while nothing is asked for. */
const MAX_UNASKED_BYTES = 64 * 1024;

/** One reader at a time. */
export class TapLink {
  readonly at: string;
  readonly #endpoint: Endpoint;
  readonly #socket: Socket;
  readonly #timeoutMs: number;
  /** Arrived and not asked for yet. */
  #rest: Buffer = Buffer.alloc(0);
  #reader: {readonly take: (chunk: Buffer) => boolean; readonly resolve: () => void} | null = null;
  #fail: (error: Error) => void = () => undefined;
  #fault: Error | null = null;
  #silence: NodeJS.Timeout | null = null;
  readonly #limit: NodeJS.Timeout;
  #keepAlive: NodeJS.Timeout | null = null;

  private constructor(endpoint: Endpoint, socket: Socket, timeoutMs: number) {
    this.at = addressText(endpoint.address);
    this.#endpoint = endpoint;
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
    this.#limit = setTimeout(() => this.#end(this.#late(REPLAY_LIMIT_MS)), REPLAY_LIMIT_MS);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => this.#end(networkFault(endpoint.address, error, 'a replay of its backlog')));
    socket.on('close', () =>
      this.#end(networkFault(endpoint.address, {code: 'ECONNRESET'}, 'a replay of its backlog')),
    );
  }

  static async open(endpoint: Endpoint, timeoutMs: number): Promise<TapLink> {
    const credentials = endpoint.auth === null ? null : await resolveCredentials(endpoint.auth);
    const link = new TapLink(endpoint, await dial(endpoint, timeoutMs), timeoutMs);
    try {
      if (credentials !== null) {
        const {username, password} = credentials;
        await link.#call(['AUTH', ...(username === null ? [password] : [username, password])], 'AUTH');
      }
      await link.#call(['PING'], 'PING');
      return link;
    } catch (error) {
      link.close();
      throw error;
    }
  }

  /** Replies in order, refusals as values. */
  async ask(commands: readonly (readonly Part[])[]): Promise<RespReply[]> {
    const replies: RespReply[] = [];
    const decoder = new Decoder();
    this.#socket.write(encodeCommands(commands));
    await this.#read((chunk) => {
      decoder.push(chunk, (reply) => replies.push(reply));
      if (replies.length > commands.length) throw new ProtocolError('it sent a reply that nobody asked for');
      return replies.length === commands.length;
    });
    return replies;
  }

  async info(): Promise<Info> {
    return parseInfo(String(await this.#call(['INFO', 'replication'], 'INFO')));
  }

  /** An empty list where the command is not permitted. */
  async list(command: readonly Part[]): Promise<readonly RespReply[]> {
    const [reply] = await this.ask([command]);
    return Array.isArray(reply) ? reply : [];
  }

  /** The first line of the answer, newlines before it left out. */
  async psync(replid: string, offset: number): Promise<string> {
    let line = Buffer.alloc(0);
    this.#socket.write(encodeCommands([['PSYNC', replid, offset]]));
    await this.#read((chunk) => {
      line = Buffer.concat([line, chunk]);
      let start = 0;
      while (line[start] === 0x0a) start += 1;
      const end = line.indexOf('\n', start);
      if (end === -1 && line.length > MAX_ANSWER_BYTES) throw new ProtocolError('the answer to PSYNC has no end');
      if (end === -1) return false;
      this.#rest = line.subarray(end + 1);
      line = line.subarray(start, end);
      return true;
    });
    return line.toString('latin1').trimEnd();
  }

  async stream(stream: CommandStream): Promise<void> {
    const acknowledge = encodeCommands([['REPLCONF', 'ACK', 0]]);
    this.#keepAlive = setInterval(() => this.#socket.write(acknowledge), KEEP_ALIVE_MS);
    await this.#read((chunk) => {
      stream.push(chunk);
      return stream.isDone;
    });
  }

  close(): void {
    this.#end(networkFault(this.#endpoint.address, {code: 'ECONNRESET'}, 'a replay of its backlog'));
  }

  async #call(command: readonly Part[], doing: string): Promise<RespReply> {
    const [reply] = await this.ask([command]);
    if (reply instanceof ReplyError) throw replyFault(this.#endpoint.address, reply.text, doing);
    return reply ?? null;
  }

  /** Hands over what arrives until `take` has enough. */
  #read(take: (chunk: Buffer) => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#reader = {take, resolve};
      this.#fail = reject;
      if (this.#fault !== null) reject(this.#fault);
      else if (this.#rest.length > 0) this.#receive(Buffer.alloc(0));
      else this.#watch();
    });
  }

  #receive(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const reader = this.#reader;
    this.#rest = reader === null ? bytes : Buffer.alloc(0);
    try {
      if (this.#rest.length > MAX_UNASKED_BYTES) throw new ProtocolError('it talks without being asked');
      if (reader === null) return;
      this.#watch();
      if (!reader.take(bytes)) return;
      this.#reader = null;
      this.#unwatch();
      reader.resolve();
    } catch (error) {
      this.#end(error as Error);
    }
  }

  #watch(): void {
    this.#unwatch();
    this.#silence = setTimeout(() => this.#end(this.#late(this.#timeoutMs)), this.#timeoutMs);
  }

  #unwatch(): void {
    if (this.#silence !== null) clearTimeout(this.#silence);
    this.#silence = null;
  }

  #late(afterMs: number): RtopoError {
    return timeoutFault(this.#endpoint.address, 'a replay of its backlog', afterMs);
  }

  #end(fault: Error): void {
    if (this.#fault !== null) return;
    this.#fault = fault;
    this.#unwatch();
    clearTimeout(this.#limit);
    if (this.#keepAlive !== null) clearInterval(this.#keepAlive);
    this.#socket.destroy();
    this.#fail(fault);
  }
}
