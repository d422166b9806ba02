/** Servers that data is taken from, looked at by many steps at once: one connection each, made anew when it was lost. */
import {Connection, endpointOf} from '../redis/connect.js';
import {addressText, type Instance} from '../topology/types.js';
import {look, type Sight} from './sight.js';

export class Sources {
  readonly #timeoutMs: number;
  readonly #connections = new Map<string, Promise<Connection>>();

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** As it is now: each call asks. @throws RtopoError when it does not answer */
  async look(instance: Instance): Promise<Sight> {
    const at = addressText(instance.address);
    let dialled = this.#connections.get(at);
    if (dialled === undefined) {
      dialled = Connection.open(endpointOf(instance), this.#timeoutMs);
      this.#connections.set(at, dialled);
    }
    try {
      return await look(await dialled);
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
