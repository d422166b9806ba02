/** A node of a client's configuration, as it is typed. */
import {usageError} from '../errors.js';
import {parseTcpAddress} from '../topology/address.js';
import type {Address} from '../topology/types.js';

/** A node as it was given: `[NAME=]HOST[:PORT[:WEIGHT]]`. */
export interface ClientNode {
  readonly name: string | null;
  /** As written, for clients that hash it like that: without the weight. */
  readonly written: string;
  readonly address: Address;
  readonly weight: number | null;
}

/** `[NAME=]HOST[:PORT[:WEIGHT]]`, the port 6379 unless given; IPv6 hosts in brackets. */
export function parseNode(text: string): ClientNode {
  const [, name = null, rest] = /^(?:([^=]+)=)?(.+)$/.exec(text) ?? [];
  const [, host, port, weight] = /^(\[[^\]]+\]|[^:]+)(?::(\d+))?(?::(\d+))?$/.exec(rest ?? '') ?? [];
  if (host === undefined)
    throw usageError({
      message: `--node ${text} is no node.`,
      remedy: 'write --node NAME=HOST:PORT or --node HOST:PORT:WEIGHT',
    });
  const address = parseTcpAddress(`${host}:${port ?? 6379}`, '--node');
  return {
    name,
    written: port === undefined ? host : `${host}:${port}`,
    address,
    weight: weight === undefined ? null : Number(weight),
  };
}
