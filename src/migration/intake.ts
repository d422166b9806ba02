/** What each server takes and gives, asked for before the first key moves. */

import {type Node, withLane} from './nodes.js';
import type {Operation} from './operation.js';
import type {PayloadSupport} from './payload.js';
import {type PieceLimits, probeFieldTtl, probeLimits, probePayloads} from './probe.js';

export interface Intake {
  /** Which payloads RESTORE reads there; null for a server that is given none. */
  readonly support: PayloadSupport | null;
  /** Expiries of single hash fields. */
  readonly hasFieldTtl: boolean;
  /** Longest payload in one piece; bytes. */
  readonly maxPayloadBytes: number;
}

export type Intakes = ReadonlyMap<number, Intake>;

/** Defaults of the servers, for those that do not tell. */
const BULK_BYTES = 512 * 1024 * 1024;
const REQUEST_BYTES = 1024 * 1024 * 1024;
/** Name and command around a payload in one request. */
const AROUND_BYTES = 64 * 1024;

/** Writes scratch keys on the targets, and takes them away. */
export async function probeNodes(operation: Operation): Promise<Intakes> {
  const receiving = new Set(operation.matrix.map(({to}) => to));
  const probed = await Promise.all(
    operation.nodes.map(async (node): Promise<[number, Intake]> => {
      const intake = await probeNode(operation, node, node.inTo && receiving.has(node.name));
      return [node.number, intake];
    }),
  );
  return new Map(probed);
}

function probeNode(operation: Operation, node: Node, isTarget: boolean): Promise<Intake> {
  return withLane(operation.timeoutMs, async (lane) => {
    const socket = await lane.to(node, 0);
    const maxPayloadBytes = payloadBytes(await probeLimits(socket));
    const hasFieldTtl = await probeFieldTtl(socket);
    if (!isTarget) return {support: null, hasFieldTtl, maxPayloadBytes};
    const {support, writes} = await probePayloads(socket);
    const own = operation.ownWrites.get(node.number) ?? {sure: 0, perhaps: 0};
    operation.ownWrites.set(node.number, {...own, sure: own.sure + writes});
    return {support, hasFieldTtl, maxPayloadBytes};
  });
}

function payloadBytes({bulkBytes, requestBytes}: PieceLimits): number {
  return Math.min(bulkBytes ?? BULK_BYTES, (requestBytes ?? REQUEST_BYTES) - AROUND_BYTES);
}
