/** Servers that data is taken from, looked at by many steps at once: one connection each, made anew when it was lost. */
import {Connection, endpointOf} from '../redis/connect.js';
import {isForged, readRole, readServerFacts, type ServerFacts} from '../redis/identity.js';
import {infoNumber, parseInfo} from '../redis/info.js';
import {addressText, type Instance} from '../topology/types.js';
import type {SyncCounters} from './resync.js';

export interface SourceSight {
  readonly facts: ServerFacts;
  /** Null when the server does not count them. */
  readonly syncs: SyncCounters | null;
}

export class Sources {
  readonly #timeoutMs: number;
  readonly #connections = new Map<string, Promise<Connection>>();

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** As it is now: each call asks. @throws RtopoError when it does not answer */
  async look(instance: Instance): Promise<SourceSight> {
    const at = addressText(instance.address);
    let dialled = this.#connections.get(at);
    if (dialled === undefined) {
      dialled = Connection.open(endpointOf(instance), this.#timeoutMs);
      this.#connections.set(at, dialled);
    }
    try {
      const connection = await dialled;
      const [role, text] = await Promise.all([connection.call('ROLE'), connection.call('INFO')]);
      const info = parseInfo(String(text));
      const [full, partial] = [infoNumber(info, 'sync_full'), infoNumber(info, 'sync_partial_ok')];
      return {
        facts: readServerFacts(readRole(role), info, isForged(role)),
        syncs: full === null || partial === null ? null : {full, partial},
      };
    } catch (error) {
      if (this.#connections.get(at) === dialled) this.#connections.delete(at);
      dialled.then((connection) => connection.close()).catch(() => undefined);
      throw error;
    }
  }

  close(): void {
    for (const dialled of this.#connections.values()) {
      dialled.then((connection) => connection.close()).catch(() => undefined);
    }
    this.#connections.clear();
  }
}
