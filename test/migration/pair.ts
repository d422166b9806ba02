/** Two servers, of the same program or of different ones, and a data connection to each. */
import * as assert from 'uvu/assert';
import type {RtopoError} from '../../src/errors.js';
import {type CarriedByElements, carryByElements, type ElementOrder} from '../../src/migration/transports/elements.js';
import {RespSocket} from '../../src/redis/resp/socket.js';
import type {Arg, Raw} from '../rig/raw.js';
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

export async function run(raw: Raw, commands: readonly (readonly Arg[])[]): Promise<void> {
  for (const command of commands) await raw.cmd(...command);
}

/** Nothing of ours is left, under whatever name. */
export async function assertTidy({raw}: Pair['to']): Promise<void> {
  assert.equal(((await raw.cmd('KEYS', '__rtopo:*')) as Buffer[]).map(String), []);
}

export async function failure(work: Promise<unknown>): Promise<RtopoError> {
  try {
    await work;
  } catch (error) {
    return error as RtopoError;
  }
  throw new Error('it succeeded');
}

export const tenThousand = Array.from({length: 10_000}, (_, i) => `element ${i}`);

/** A value of several parts under the name `k`. */
export async function makeLarge(raw: Raw, type: string): Promise<void> {
  switch (type) {
    case 'hash':
      return void (await raw.cmd('HSET', 'k', ...tenThousand));
    case 'list':
      return void (await raw.cmd('RPUSH', 'k', ...tenThousand));
    case 'set':
      return void (await raw.cmd('SADD', 'k', ...tenThousand));
    case 'zset':
      return void (await raw.cmd('ZADD', 'k', ...tenThousand.flatMap((member, i) => [i, member])));
    case 'string':
      return void (await raw.cmd('SET', 'k', tenThousand.join().repeat(10)));
    default:
      await raw.pipeline(tenThousand.slice(0, 3000).map((text, i) => ['XADD', 'k', `${i + 1}-0`, 'f', text]));
      await raw.cmd('XGROUP', 'CREATE', 'k', 'g', '0');
      return void (await raw.cmd('XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', '500', 'STREAMS', 'k', '>'));
  }
}
