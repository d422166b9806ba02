/** Topologies and observations out of thin air, for what reasons purely. */
import {ExitCode, RtopoError} from '../../src/errors.js';
import type {Observed} from '../../src/redis/fleet.js';
import type {Role, ServerFacts} from '../../src/redis/identity.js';
import type {Observation} from '../../src/replication/observe.js';
import type {Address, Auth, Instance, Shard, Topology} from '../../src/topology/types.js';

export function address(text: string): Address {
  const colon = text.lastIndexOf(':');
  return {host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1))};
}

export function instance(at: string, of: string | null = null, over: Partial<Instance> = {}): Instance {
  const here = address(at);
  return {
    ...{address: here, peer: here, announce: null, auth: null, tls: null, priority: null},
    of: of === null ? null : address(of),
    ...over,
  };
}

export function shard(master: Instance | string, replicas: readonly Instance[], name = 'alpha'): Shard {
  return {name, node: null, weight: 1, master: typeof master === 'string' ? instance(master) : master, replicas};
}

export function topology(shards: readonly Shard[], replicationAuth: Auth | null = null): Topology {
  return {version: 1, name: 'cache', auth: null, replicationAuth, placement: null, shards};
}

export const secret: Auth = {username: 'repl', password: {from: 'env', name: 'X'}};

let ids = 0;
export const history = (letter: string): string => letter.repeat(40);

/** A healthy, empty Redis 7.0 master with a history of its own, unless told otherwise. */
export function facts(over: Partial<ServerFacts> = {}): ServerFacts {
  ids += 1;
  return {
    role: {kind: 'master', offset: 0},
    runId: `run-${ids}`,
    ...{server: 'redis', version: '7.0.15', mode: 'standalone'},
    lineage: {replid: `own-${ids}`, replid2: null, secondOffset: null, offset: 0},
    ...{loading: false, loadingPercent: null, loadingEtaSeconds: null, linkUp: null},
    ...{syncInProgress: false, syncPercent: null, lastIoSeconds: null, replicas: []},
    keyspace: over.keys === undefined || over.keys === 0 ? [] : [{db: 0, keys: over.keys, expires: 0}],
    ...{keys: 0, configFile: true, usedMemoryBytes: null, maxMemoryBytes: null, evictionPolicy: 'noeviction'},
    ...{evictedKeys: 0, aofEnabled: false, aofWriteOk: true, rdbChangesSinceSave: 0, backlog: null},
    ...{
      failoverState: 'no-failover',
      goodReplicas: null,
      fullSyncs: 0,
      partialSyncs: 0,
      refusedPartialSyncs: 0,
      bufferDisconnects: null,
    },
    ...{uptimeSeconds: 3600, channels: 0, modules: [], libraries: 0, os: 'Linux', configPath: '/etc/redis.conf'},
    ...{syncReadBytes: null, syncTotalBytes: null, linkSeconds: null, writable: null, rdbSaveOk: true, tampered: []},
    ...over,
  };
}

export function lineage(replid: string, offset: number, second: [string, number] | null = null) {
  return {replid, offset, replid2: second?.[0] ?? null, secondOffset: second?.[1] ?? null};
}

export function backlog(firstOffset: number, lengthBytes: number) {
  return {firstOffset, lengthBytes, sizeBytes: 1_048_576};
}

export function replicaRole(of: string, state: (Role & {kind: 'replica'})['state'] = 'connected'): Role {
  return {kind: 'replica', ...address(of), state, offset: 0};
}

/** A replica with a good link to `of`. */
export function attached(of: string, over: Partial<ServerFacts> = {}): ServerFacts {
  return facts({role: replicaRole(of), linkUp: true, lineage: lineage(history('a'), 100), lastIoSeconds: 0, ...over});
}

export function listed(at: string, state = 'online') {
  return {...address(at), state, offset: 100, ackSeconds: state === 'online' ? 0 : null};
}

/** The master of `attached` replicas. */
export function leading(replicas: readonly string[], over: Partial<ServerFacts> = {}): ServerFacts {
  return facts({
    lineage: lineage(history('a'), 100),
    backlog: backlog(1, 100),
    replicas: replicas.map((at) => listed(at)),
    ...over,
  });
}

export function fault(code = 'CONNECTION_REFUSED'): RtopoError {
  return new RtopoError({
    code,
    exit: ExitCode.unreachable,
    message: `it does not answer: ${code}.`,
    remedy: 'start it',
  });
}

/** What was observed, by address; an error is an instance that did not answer. */
export function observed(world: Readonly<Record<string, ServerFacts | RtopoError | {facts: ServerFacts; ip: string}>>) {
  const entries = Object.entries(world).map(([at, what]): [string, Observed] => {
    if (what instanceof RtopoError) return [at, {reachable: false, atMs: 0, fault: what}];
    const answer = 'ip' in what ? what : {facts: what, ip: null};
    return [at, {reachable: true, atMs: 0, ...answer}];
  });
  const observation: Observation = {byAddress: new Map(entries), sampledMs: 1};
  return observation;
}
