/** A topology from the command line, for servers that no file declares: one shard, given by its addresses. */
import {usageError} from '../errors.js';
import {parseTcpAddress} from './address.js';
import {currentTopology} from './current.js';
import type {LoadedTopology} from './load.js';
import {type Address, type Auth, addressText, type Instance} from './types.js';

export interface Declaration {
  readonly file: string | undefined;
  readonly master: string | undefined;
  readonly replicas: readonly string[] | undefined;
}

/** From `--master` and `--replica` when they are given, else from the topology file. */
export async function declaredTopology({
  file,
  master,
  replicas,
}: Declaration): Promise<Pick<LoadedTopology, 'topology' | 'path'>> {
  if (master === undefined || replicas === undefined) return currentTopology(file);
  const root = parseTcpAddress(master, '--master');
  const children = replicas.map((text) => parseTcpAddress(text, '--replica'));
  assertDistinct([root, ...children]);
  const auth = environmentAuth();
  const instance = (address: Address, of: Address | null): Instance => ({
    ...{address, peer: address, of, auth},
    ...{announce: null, tls: null, priority: null},
  });
  const shard = {
    ...{name: 'shard', node: null, weight: 1},
    master: instance(root, null),
    replicas: children.map((child) => instance(child, root)),
  };
  const topology = {version: 1 as const, name: 'ad hoc', auth, replicationAuth: auth, placement: null, shards: [shard]};
  return {topology, path: null};
}

/** Without a file there is no `auth:`; the variable that redis-cli reads is the one that operators have set already. */
export function environmentAuth(username: string | null = null): Auth | null {
  return process.env.REDISCLI_AUTH ? {username, password: {from: 'env', name: 'REDISCLI_AUTH'}} : null;
}

function assertDistinct(addresses: readonly Address[]): void {
  const texts = addresses.map(addressText);
  const twice = texts.find((text, i) => texts.indexOf(text) !== i);
  if (twice === undefined) return;
  throw usageError({
    message: `${twice} is named twice: an instance cannot be a replica of itself.`,
    remedy: 'name each instance once',
  });
}
