/** Where keys really are: every master is asked, in every database that holds keys. */
import {endpointOf} from '../redis/connect.js';
import {RespSocket} from '../redis/resp/socket.js';
import type {Topology} from '../topology/types.js';
import {keyspaceOf} from './sample.js';

const batch = 500;

interface Asked {
  readonly name: string;
  readonly dbs: readonly number[];
  readonly socket: RespSocket;
}

/** Open connections to all masters, for many questions. */
export class Whereabouts {
  readonly #servers: readonly Asked[];

  private constructor(servers: readonly Asked[]) {
    this.#servers = servers;
  }

  /** @throws RtopoError exit 5 when a master cannot be asked */
  static async open({shards}: Topology, timeoutMs: number): Promise<Whereabouts> {
    const opening = shards.map(async ({name, master}) => {
      const endpoint = endpointOf(master);
      const dbs = (await keyspaceOf(endpoint, timeoutMs)).map(({db}) => db);
      return {name, dbs, socket: await RespSocket.open(endpoint, timeoutMs, {readsKeys: true})};
    });
    const settled = await Promise.allSettled(opening);
    const failed = settled.find((one) => one.status === 'rejected');
    const opened = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    if (failed === undefined) return new Whereabouts(opened);
    for (const {socket} of opened) socket.close();
    throw failed.reason;
  }

  /** For each key the shards that hold it, in the order of the file. */
  async of(keys: readonly Buffer[]): Promise<string[][]> {
    const found = keys.map((): string[] => []);
    for (let at = 0; at < keys.length; at += batch) {
      const some = keys.slice(at, at + batch);
      const answers = await Promise.all(this.#servers.map((server) => held(server, some)));
      for (const [i, {name}] of this.#servers.entries())
        for (const [j, isHeld] of answers[i]!.entries()) if (isHeld) found[at + j]!.push(name);
    }
    return found;
  }

  close(): void {
    for (const {socket} of this.#servers) socket.close();
  }
}

async function held({dbs, socket}: Asked, keys: readonly Buffer[]): Promise<boolean[]> {
  const found = keys.map(() => false);
  for (const db of dbs) {
    await socket.select(db);
    const replies = await socket.batch(keys.map((key) => ['EXISTS', key]));
    for (const [i, reply] of replies.entries()) if (reply === 1) found[i] = true;
  }
  return found;
}
