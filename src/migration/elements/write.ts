/**
 * Builds a value part by part under a temporary name. Each part and the renewal of the guard are one transaction, so that a half-built value
 * is never without its guard: whatever dies, what is left expires by itself.
 */
import {createHash} from 'node:crypto';
import {ExitCode, RtopoError} from '../../errors.js';
import {replyFault} from '../../redis/faults.js';
import {ReplyError, type RespReply} from '../../redis/resp/decode.js';
import type {Part} from '../../redis/resp/encode.js';
import {addressText, dialFlags} from '../../topology/types.js';
import type {Meter, Pace} from './pace.js';
import {type Chunk, type Head, keyText, probeFieldTtl} from './read.js';

/** Time to live of a half-built value. */
export const GUARD_MS = 300_000;

/** Always the same for a key of an operation: a second attempt finds, and removes, what the first one left. */
export function temporaryName(operation: string, db: number, key: Buffer): Buffer {
  const id = createHash('sha256').update(`${db}:`).update(key).digest('hex').slice(0, 16);
  return Buffer.from(`__rtopo:tmp:${operation}:${id}`);
}

/** Sends transactions that end with the renewal of the guard, and counts the changes that the server counts for them. */
export class GuardedWriter {
  readonly meter: Meter;
  readonly temporary: Buffer;
  readonly #pace: Pace;
  /** As `rdb_changes_since_last_save` counts: one for each element, one for each renewal. */
  changes = 0;
  #renewedMs = performance.now();

  constructor(meter: Meter, temporary: Buffer, pace: Pace) {
    this.meter = meter;
    this.temporary = temporary;
    this.#pace = pace;
  }

  /** Replies of the commands, all of which the server accepted. */
  async send(commands: readonly (readonly Part[])[]): Promise<RespReply[]> {
    const startMs = performance.now();
    const transaction = [['MULTI'], ...commands, ['PEXPIRE', this.temporary, GUARD_MS], ['EXEC']];
    const replies = await this.meter.socket.batch(transaction);
    this.#pace.learn(performance.now() - startMs - this.meter.wayMs);
    const results = replies.at(-1);
    const all = Array.isArray(results) ? results : replies;
    const refused = all.find((reply) => reply instanceof ReplyError) as ReplyError | undefined;
    if (refused !== undefined || !Array.isArray(results)) throw this.#refusal(refused?.text ?? 'no reply to EXEC');
    this.#renewedMs = performance.now();
    this.changes += 1;
    return results.slice(0, -1);
  }

  /** For long readings in between: renews the guard when a fifth of it has passed. */
  async keepGuard(): Promise<void> {
    if (performance.now() - this.#renewedMs < GUARD_MS / 5) return;
    const renewed = await this.meter.call(['PEXPIRE', this.temporary, GUARD_MS], 'renewing a guard');
    this.changes += Number(renewed);
    this.#renewedMs = performance.now();
  }

  #refusal(text: string): RtopoError {
    const {address} = this.meter.socket;
    if (!/exceeds maximum allowed size/i.test(text)) return replyFault(address, text, 'writing a part of a value');
    return new RtopoError({
      code: 'VALUE_TOO_LONG',
      exit: ExitCode.incomplete,
      message: `${addressText(address)} takes no string of this length (proto-max-bulk-len). The source still holds it.`,
      remedy: `raise the limit on the target: redis-cli ${dialFlags(address)} CONFIG SET proto-max-bulk-len 1gb`,
    });
  }
}

/** Writes everything but streams. */
export class ElementWriter {
  readonly #writer: GuardedWriter;
  readonly #head: Head;
  readonly #key: Buffer;
  #knowsFieldTtl: boolean | null;
  #written = 0;
  /** Members with the score minus zero. */
  #negativeZeros: Buffer[] = [];

  constructor(writer: GuardedWriter, key: Buffer, head: Head, knowsFieldTtl: boolean | null) {
    this.#writer = writer;
    this.#head = head;
    this.#key = key;
    this.#knowsFieldTtl = knowsFieldTtl;
  }

  async write(chunk: Chunk): Promise<void> {
    const {parts} = chunk;
    switch (this.#head.type) {
      case 'string':
        return this.#string(parts[0]!);
      case 'list':
        await this.#writer.send([['RPUSH', this.#writer.temporary, ...parts]]);
        this.#writer.changes += parts.length;
        return;
      case 'set':
        return this.#add(['SADD', this.#writer.temporary, ...parts]);
      case 'zset':
        return this.#zset(parts);
      case 'hash':
        return this.#hash(chunk);
      case 'stream':
        throw new Error('a stream is written by StreamWriter');
    }
  }

  /** What has to come last; also makes the key where no part came by. */
  async finish(): Promise<void> {
    if (this.#head.type === 'string' && this.#written === 0) await this.#string(Buffer.alloc(0));
    // A small sorted set keeps a minus zero as zero; in a large one, which this is by now, it stays what it is.
    const pairs = this.#negativeZeros.flatMap((member) => ['-0', member]);
    if (pairs.length > 0) await this.#add(['ZADD', this.#writer.temporary, ...pairs]);
  }

  /**
   * A long string gets all its memory with its last byte, which comes first: appended to, it would be moved again and again, each time
   * keeping the server busy for longer.
   */
  async #string(part: Buffer): Promise<void> {
    const {temporary} = this.#writer;
    const isWhole = part.length === this.#head.size;
    const commands: Part[][] = [isWhole ? ['SET', temporary, part] : ['SETRANGE', temporary, this.#written, part]];
    if (!isWhole && this.#written === 0) commands.unshift(['SETRANGE', temporary, this.#head.size - 1, '\0']);
    await this.#writer.send(commands);
    this.#writer.changes += commands.length;
    this.#written += part.length;
  }

  /** A command that answers how many elements are new. */
  async #add(command: readonly Part[]): Promise<void> {
    const [added] = await this.#writer.send([command]);
    this.#writer.changes += Number(added);
  }

  async #zset(parts: readonly Buffer[]): Promise<void> {
    const pairs: Buffer[] = [];
    for (let i = 0; i < parts.length; i += 2) {
      const [member, score] = [parts[i]!, parts[i + 1]!];
      if (score.toString('latin1') === '-0') this.#negativeZeros.push(member);
      else pairs.push(score, member);
    }
    if (pairs.length > 0) await this.#add(['ZADD', this.#writer.temporary, ...pairs]);
  }

  async #hash({parts, expiries}: Chunk): Promise<void> {
    const {temporary} = this.#writer;
    const commands: Part[][] = [['HSET', temporary, ...parts]];
    if (expiries !== null && !(await this.#takesFieldTtl())) throw this.#fieldTtlUnknown();
    const byTime = new Map<number, Buffer[]>();
    for (const [i, ms] of expiries?.entries() ?? []) {
      if (ms !== -1) byTime.set(ms, [...(byTime.get(ms) ?? []), parts[2 * i]!]);
    }
    for (const [ms, fields] of byTime) commands.push(['HPEXPIREAT', temporary, ms, 'FIELDS', fields.length, ...fields]);
    await this.#writer.send(commands);
    this.#writer.changes += parts.length / 2 + (expiries?.filter((ms) => ms !== -1).length ?? 0);
  }

  async #takesFieldTtl(): Promise<boolean> {
    this.#knowsFieldTtl ??= await probeFieldTtl(this.#writer.meter.socket, this.#writer.temporary);
    return this.#knowsFieldTtl;
  }

  #fieldTtlUnknown(): RtopoError {
    const at = addressText(this.#writer.meter.socket.address);
    return new RtopoError({
      code: 'FIELD_TTL_UNKNOWN',
      exit: ExitCode.incomplete,
      message:
        `${keyText(this.#key)} is a hash with fields that expire, and ${at} knows no such fields: they would live for ever. ` +
        'It was not copied; the source still holds it.',
      remedy: 'upgrade the target to Redis 7.4 or Valkey 9, or remove the expiry at the source: HPERSIST key FIELDS …',
    });
  }
}
