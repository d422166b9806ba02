/** Two servers, of the same program or of different ones, and a data connection to each. */
import {type CarriedByElements, carryByElements, type ElementOrder} from '../../src/migration/transports/elements.js';
import {RespSocket} from '../../src/redis/resp/socket.js';
import type {Rig, Server, ServerSpec} from '../rig/servers.js';
import {withServers} from '../rig/servers.js';

export interface Pair {
  readonly from: Server;
  readonly to: Server;
  readonly source: RespSocket;
  readonly target: RespSocket;
  readonly rig: Rig;
  /** Carries a key by its elements. */
  readonly carry: (key: string | Buffer, order?: Partial<ElementOrder>) => Promise<CarriedByElements>;
}

export function openSocket({host, port}: Server, timeoutMs = 20_000): Promise<RespSocket> {
  return RespSocket.open({address: {host, port}, tls: null, auth: null}, timeoutMs);
}

export async function withPair(
  specs: readonly [ServerSpec, ServerSpec],
  body: (pair: Pair) => Promise<void>,
  timeoutMs = 60_000,
): Promise<void> {
  await withServers(
    specs,
    async ([from, to], rig) => {
      const [source, target] = await Promise.all([openSocket(from!), openSocket(to!)]);
      const carry: Pair['carry'] = (key, order = {}) =>
        carryByElements({source, target, db: 0, key: Buffer.from(key as Buffer), operation: 'test', ...order});
      try {
        await body({from: from!, to: to!, source, target, rig, carry});
      } finally {
        source.close();
        target.close();
      }
    },
    {timeoutMs},
  );
}

/** Changes that the server has counted. */
export async function changesOf({raw}: Server): Promise<number> {
  return Number((await raw.info('persistence')).rdb_changes_since_last_save);
}
