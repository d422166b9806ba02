/**
 * One data connection: pipelined batches over an own socket. ioredis costs ten times the CPU of the socket it wraps,
 * so keys travel here and control stays there. Nothing is re-sent: after a lost connection the outcome is unknown.
 */
import type {Socket} from 'node:net';
import {ExitCode, RtopoError} from '../../errors.js';
import {type Address, addressText} from '../../topology/types.js';
import type {Endpoint} from '../connect.js';
import {resolveCredentials} from '../credentials.js';
import {networkFault, replyFault, timeoutFault} from '../faults.js';
import {Decoder, ProtocolError, ReplyError, type RespReply, type ScanPage} from './decode.js';
import {dial} from './dial.js';
import {type Framed, framedParts, type Part, Request} from './encode.js';
import {FlatReplies} from './flat.js';
import type {Script} from './script.js';

interface Replies {
  readonly kind: 'replies';
  readonly replies: RespReply[];
  readonly count: number;
  readonly resolve: (replies: RespReply[]) => void;
  readonly reject: (error: RtopoError) => void;
}

interface Page {
  readonly kind: 'page';
  readonly resolve: (page: ScanPage | ReplyError) => void;
  readonly reject: (error: RtopoError) => void;
}

interface Flat {
  readonly kind: 'flat';
  readonly resolve: (replies: FlatReplies) => void;
  readonly reject: (error: RtopoError) => void;
}

type Waiting = Replies | Page | Flat;

export class RespSocket {
  readonly address: Address;
  readonly #socket: Socket;
  readonly #timeoutMs: number;
  readonly #decoder = new Decoder();
  readonly #waiting: Waiting[] = [];
  #fault: RtopoError | null = null;
  #timer: NodeJS.Timeout | null = null;
  #db = 0;
  #touchesNothing = false;
  /** The pipeline of `flat` and its replies: made when first needed, and used again. */
  #flatRequest: Request | null = null;
  #flatReplies: FlatReplies | null = null;
  #isFlat = false;
  /** Who is logged in; undefined: the default user. */
  #user: string | undefined;

  private constructor(address: Address, socket: Socket, timeoutMs: number) {
    this.address = address;
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
    socket.on('error', (error) => this.#fail(networkFault(address, error, 'a transfer')));
    socket.on('close', () => this.#fail(networkFault(address, {code: 'ECONNRESET'}, 'a transfer')));
  }

  /**
   * Dials and logs in.
   * @param timeoutMs limit for connecting, and for a silence while replies are due, in milliseconds
   * @param readsKeys reads over this socket should leave idle times and frequencies as they are
   * @throws RtopoError with exit 5
   */
  static async open(
    endpoint: Endpoint,
    timeoutMs: number,
    {readsKeys = false}: {readonly readsKeys?: boolean} = {},
  ): Promise<RespSocket> {
    const {address} = endpoint;
    const credentials = endpoint.auth === null ? null : await resolveCredentials(endpoint.auth);
    const reader: {read: ((chunk: Buffer) => void) | null} = {read: null};
    const dialled = await dial(endpoint, timeoutMs, (chunk) => reader.read?.(chunk));
    const socket = new RespSocket(address, dialled, timeoutMs);
    socket.#user = credentials?.username ?? undefined;
    reader.read = (chunk) => socket.#receive(chunk);
    try {
      if (credentials !== null) {
        const login =
          credentials.username === null ? [credentials.password] : [credentials.username, credentials.password];
        await socket.call(['AUTH', ...login], 'AUTH');
      }
      // Both are courtesies that an old server or an ACL may refuse: a name in CLIENT LIST, and reads that do not freshen the keys.
      const [, noTouch] = await socket.batch([
        ['CLIENT', 'SETNAME', 'rtopo-data'],
        ...(readsKeys ? [['CLIENT', 'NO-TOUCH', 'ON']] : []),
      ]);
      socket.#touchesNothing = noTouch === 'OK';
      return socket;
    } catch (error) {
      socket.close();
      throw error;
    }
  }

  /** True when reads over this socket leave idle times and frequencies alone (Redis 7.2, Valkey). */
  get touchesNothing(): boolean {
    return this.#touchesNothing;
  }

  /** Sends all commands at once; replies in order, refusals as values. @throws RtopoError when the connection is lost or silent. */
  batch(commands: readonly (readonly Part[])[]): Promise<RespReply[]> {
    const request = new Request();
    for (const command of commands) request.add(command);
    return this.send(request);
  }

  /** The same for a pipeline that is built already. */
  send(request: Request): Promise<RespReply[]> {
    const {count} = request;
    if (count === 0) return Promise.resolve([]);
    if (this.#fault !== null) return Promise.reject(this.#fault);
    return new Promise((resolve, reject) => {
      this.#expect({kind: 'replies', replies: [], count, resolve, reject}, request.bytes());
    });
  }

  /**
   * A pipeline that `build` writes and whose replies are not made into values. One at a time, and they are only good until the next one:
   * the buffers are the same. @throws RtopoError when the connection is lost or silent
   */
  async flat(build: (request: Request) => void): Promise<FlatReplies> {
    if (this.#fault !== null) throw this.#fault;
    if (this.#isFlat) throw new Error('one flat pipeline at a time');
    this.#flatRequest ??= new Request();
    this.#flatReplies ??= new FlatReplies();
    const [request, replies] = [this.#flatRequest.clear(), this.#flatReplies];
    build(request);
    if (request.count === 0) throw new Error('a flat pipeline needs a command');
    replies.reset(request.count);
    this.#isFlat = true;
    try {
      return await new Promise((resolve, reject) => {
        this.#expect({kind: 'flat', resolve, reject}, request.bytes());
      });
    } finally {
      this.#isFlat = false;
    }
  }

  /** One page of SCAN, its keys as ranges of the bytes that came. @throws RtopoError also for a refusal */
  async scan(cursor: string, count: number): Promise<ScanPage> {
    if (this.#fault !== null) throw this.#fault;
    const request = new Request().add(['SCAN', cursor, 'COUNT', count]);
    const page = await new Promise<ScanPage | ReplyError>((resolve, reject) => {
      this.#expect({kind: 'page', resolve, reject}, request.bytes());
    });
    if (page instanceof ReplyError) throw replyFault(this.address, page.text, 'SCAN');
    return page;
  }

  /** Runs a script; a server that does not know it yet gets its text. A refusal is a value. */
  run(script: Script, keys: readonly Part[], args: readonly Part[]): Promise<RespReply> {
    return this.runFramed(script, {count: keys.length, bytes: framedParts(...keys)}, args);
  }

  /** The same for keys that are framed already. */
  async runFramed(script: Script, keys: Framed, args: readonly Part[]): Promise<RespReply> {
    const suffix = script.readOnly ? '_RO' : '';
    const send = async (command: string, by: string): Promise<RespReply> => {
      const request = new Request();
      request.begin(3 + keys.count + args.length);
      for (const part of [command, by, keys.count]) request.part(part);
      request.framed(keys.bytes, 0, keys.bytes.length);
      for (const part of args) request.part(part);
      const [reply] = await this.send(request);
      return reply ?? null;
    };
    const reply = await send(`EVALSHA${suffix}`, script.sha);
    if (!(reply instanceof ReplyError) || reply.word !== 'NOSCRIPT') return reply;
    return send(`EVAL${suffix}`, script.text);
  }

  /** One command; a refusal is thrown. */
  async call(command: readonly Part[], doing = String(command[0])): Promise<RespReply> {
    const [reply] = await this.batch([command]);
    if (reply instanceof ReplyError) throw replyFault(this.address, reply.text, doing, this.#user);
    return reply ?? null;
  }

  /** Makes `db` the database of what is sent from now on. */
  async select(db: number): Promise<void> {
    if (db === this.#db) return;
    await this.call(['SELECT', db]);
    this.#db = db;
  }

  close(): void {
    this.#fault ??= networkFault(this.address, {code: 'ECONNRESET'}, 'a transfer');
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#socket.destroy();
  }

  #expect(waiting: Waiting, bytes: Buffer): void {
    this.#waiting.push(waiting);
    this.#socket.write(bytes);
    this.#watch();
  }

  #receive(chunk: Buffer): void {
    try {
      const rest = this.#waiting[0]?.kind === 'flat' && this.#decoder.isEmpty ? this.#receiveFlat(chunk) : chunk;
      // What arrives is only lent.
      if (rest.length > 0) this.#decoder.feed(Buffer.from(rest));
      while (this.#deliver());
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#fail(
        new RtopoError({
          code: 'PROTOCOL_ERROR',
          exit: ExitCode.failed,
          message: `${addressText(this.address)} does not speak the Redis protocol: ${error.message}.`,
          remedy: 'check that the address is that of a Redis or Valkey server, and `tls:` when its port is a TLS port',
        }),
      );
      return;
    }
    this.#watch();
  }

  /** Returns what does not belong to the flat replies that are waited for. */
  #receiveFlat(chunk: Buffer): Buffer {
    const first = this.#waiting[0];
    if (first?.kind !== 'flat') return chunk;
    const used = this.#flatReplies!.push(chunk);
    if (used === -1) return NOTHING;
    this.#waiting.shift();
    first.resolve(this.#flatReplies!);
    return chunk.subarray(used);
  }

  /** Hands the next whole reply to whoever waits for it; false when there is none. */
  #deliver(): boolean {
    const first = this.#waiting[0];
    if (first?.kind === 'flat') {
      const came = this.#decoder.takeRest();
      if (came.length === 0) return false;
      const rest = this.#receiveFlat(came);
      if (rest.length > 0) this.#decoder.feed(rest);
      return this.#waiting[0] !== first;
    }
    if (first?.kind === 'page') {
      const page = this.#decoder.nextPage();
      if (page === undefined) return false;
      this.#waiting.shift();
      first.resolve(page);
      return true;
    }
    const reply = this.#decoder.next();
    if (reply === undefined) return false;
    if (first === undefined) throw new ProtocolError('it sent a reply that nobody asked for');
    first.replies.push(reply);
    if (first.replies.length < first.count) return true;
    this.#waiting.shift();
    first.resolve(first.replies);
    return true;
  }

  /** The limit is on silence, not on the batch: a large batch that keeps moving is not late. */
  #watch(): void {
    if (this.#waiting.length === 0 || this.#fault !== null) {
      if (this.#timer !== null) clearTimeout(this.#timer);
      this.#timer = null;
    } else if (this.#timer === null) {
      this.#timer = setTimeout(
        () => this.#fail(timeoutFault(this.address, 'a transfer', this.#timeoutMs)),
        this.#timeoutMs,
      );
    } else this.#timer.refresh();
  }

  #fail(fault: RtopoError): void {
    if (this.#fault !== null && this.#waiting.length === 0) return;
    this.#fault ??= fault;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#socket.destroy();
    for (const {reject} of this.#waiting.splice(0)) reject(this.#fault);
  }
}

const NOTHING = Buffer.alloc(0);
