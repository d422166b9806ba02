/** The words of a change as they are typed, `--add`, `--weight`, `--rename`, as values. */
import {usageError} from '../errors.js';
import {parseAddress} from '../topology/address.js';
import type {Address} from '../topology/types.js';

export interface Addition {
  readonly name: string;
  readonly master: Address;
  readonly replicas: readonly Address[];
  readonly weight?: number;
}

/** `delta=10.0.0.9:6379`, `delta=10.0.0.9:6379:2` with a weight, `delta=10.0.0.9:6379,10.0.0.10:6379` with a replica. */
export function parseAddition(text: string): Addition {
  const equals = text.indexOf('=');
  const [first = '', ...rest] = text.slice(equals + 1).split(',');
  const weighted = /^(\[[^\]]*\]:\d+|(?:unix:)?\/[^:]*|[^:]*:\d+):(\d{1,7})$/.exec(first);
  if (equals <= 0 || first === '') {
    throw usageError({
      message: `--add takes NAME=ADDRESS[:WEIGHT][,REPLICA…]; '${text}' is not of that form.`,
      remedy: 'rtopo rebalance --add delta=127.0.0.1:7003,127.0.0.1:7103',
    });
  }
  return {
    name: text.slice(0, equals),
    master: parseAddress(weighted?.[1] ?? first, '--add'),
    replicas: rest.map((address) => parseAddress(address, '--add')),
    ...(weighted === null ? {} : {weight: Number(weighted[2])}),
  };
}

/** `beta=2`. What a weight may be, the topology judges. */
export function parseWeight(text: string): {name: string; weight: number} {
  const [, name, weight] = /^([^=]+)=(\d{1,7})$/.exec(text) ?? [];
  if (name !== undefined) return {name, weight: Number(weight)};
  throw usageError({
    message: `--weight takes NAME=WEIGHT with a whole number; '${text}' is not of that form.`,
    remedy: 'rtopo rebalance --weight beta=2',
  });
}

/** `beta=delta`: the old name, the new one. */
export function parseRenaming(text: string): {from: string; to: string} {
  const [, from, to] = /^([^=]+)=([^=]+)$/.exec(text) ?? [];
  if (from !== undefined && to !== undefined) return {from, to};
  throw usageError({
    message: `--rename takes OLD=NEW; '${text}' is not of that form.`,
    remedy: 'rtopo rebalance --rename beta=delta',
  });
}
