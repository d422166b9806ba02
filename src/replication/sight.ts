/** A server looked at again and again while something is awaited: its facts, and whether anything has moved since. */
import {ExitCode, RtopoError} from '../errors.js';
import {Connection, endpointOf} from '../redis/connect.js';
import {isForged, readRole, readServerFacts, type ServerFacts} from '../redis/identity.js';
import {infoNumber, parseInfo} from '../redis/info.js';
import type {Instance} from '../topology/types.js';

export interface Sight {
  readonly facts: ServerFacts;
  /** Changes whenever a synchronisation, a load or a snapshot has come further, and with the offset. */
  readonly progress: string;
}

const MOVING = [
  ...['slave_repl_offset', 'slave_read_repl_offset', 'master_sync_read_bytes', 'master_sync_left_bytes'],
  ...['loading_loaded_bytes', 'current_save_keys_processed', 'current_cow_size'],
];

export async function look(connection: Connection): Promise<Sight> {
  const [role, text] = await Promise.all([connection.call('ROLE'), connection.call('INFO')]);
  const info = parseInfo(String(text));
  return {
    facts: readServerFacts(readRole(role), info, isForged(role)),
    progress: MOVING.map((name) => infoNumber(info, name)).join(),
  };
}

/** A connection that is made anew when it was lost. What is done over it must bear to be asked twice. */
export class Watched {
  readonly instance: Instance;
  readonly #timeoutMs: number;
  #connection: Connection | null = null;

  constructor(instance: Instance, timeoutMs: number) {
    this.instance = instance;
    this.#timeoutMs = timeoutMs;
  }

  async connection(): Promise<Connection> {
    this.#connection ??= await Connection.open(endpointOf(this.instance), this.#timeoutMs);
    return this.#connection;
  }

  async look(): Promise<Sight> {
    try {
      return await look(await this.connection());
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Is its process gone? One that is merely late may still be there, and may be obeying. */
  async isGone(): Promise<boolean> {
    try {
      await this.look();
      return false;
    } catch (error) {
      if (error instanceof RtopoError && error.exit === ExitCode.unreachable) return error.code !== 'TIMEOUT';
      throw error;
    }
  }

  /** The next use dials again. */
  close(): void {
    this.#connection?.close();
    this.#connection = null;
  }
}
