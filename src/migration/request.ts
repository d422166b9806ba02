/** What somebody typed (`--to FILE`, `--add`, `--remove`) as a change of the topology. */
import {dirname} from 'node:path';
import {usageError} from '../errors.js';
import {parseAddress} from '../topology/address.js';
import {addShard, removeShard} from '../topology/edit.js';
import {replaceMaster} from '../topology/edit-address.js';
import {type LoadedTopology, loadTopology} from '../topology/load.js';
import type {Address} from '../topology/types.js';
import {type Change, planChange} from './plan.js';
import {parseReplacement} from './replacement.js';
import {sideOf} from './start.js';

export interface ChangeRequest {
  /** A file with the topology as it shall be. */
  readonly to: string | undefined;
  /** `name=address[:weight][,replica…]`. */
  readonly add: readonly string[];
  /** Names of shards. */
  readonly remove: readonly string[];
  /** `name=address`: the shard's new master. */
  readonly replace?: readonly string[];
}

/**
 * @returns the change, and the file that the cutover will rewrite
 * @throws RtopoError exit 64 for what was typed, 78 for what the result would be
 */
export async function requestedChange(
  source: LoadedTopology,
  request: ChangeRequest,
): Promise<{change: Change; file: string}> {
  const {to, add, remove, replace = []} = request;
  if (source.path === null) {
    throw usageError({
      message: 'The topology came from standard input, and a rebalance ends by rewriting the topology file.',
      remedy: 'name the file with --topology FILE',
    });
  }
  if ((to === undefined) === (add.length + remove.length + replace.length === 0)) {
    throw usageError({
      message:
        to === undefined
          ? 'Nothing says what to change.'
          : '--to describes the whole new topology; it does not go with --add, --remove or --replace.',
      remedy: 'rtopo rebalance --add delta=127.0.0.1:7003, or --remove NAME, or --replace NAME=ADDRESS, or --to FILE',
    });
  }
  const text =
    to === undefined ? editedText(source, request) : (await loadTopology({file: to, env: {}, cwd: process.cwd()})).text;
  // Relative paths in the new text are meant from where the file will be.
  const folder = dirname(source.path);
  const [from, next] = [sideOf(source.text, source.path), sideOf(text, to ?? source.path, folder)];
  return {change: planChange(from, next), file: source.path};
}

function editedText(source: LoadedTopology, {add, remove, replace = []}: ChangeRequest): string {
  if (add.length + remove.length > 0) assertExtendable(source, add.length > 0 ? '--add' : '--remove');
  const replaced = replace.map(parseReplacement).reduce((text, one) => replaceMaster(text, one), source.text);
  const removed = remove.reduce((text, name) => removeShard(text, name), replaced);
  return add.map(parseAddition).reduce((text, shard) => addShard(text, shard), removed);
}

/** Where the file itself assigns keys to shards by name, a new shard without an assignment would own nothing. */
function assertExtendable({topology}: LoadedTopology, flag: string): void {
  const {placement} = topology;
  const assigned =
    placement?.scheme === 'range'
      ? 'ranges'
      : placement?.scheme === 'slots' && 'slots' in placement.options
        ? 'slots'
        : null;
  if (assigned === null) return;
  throw usageError({
    message: `The placement assigns keys to shards by its \`${assigned}:\`, so ${flag} alone cannot say which keys the change concerns.`,
    remedy: `copy the topology file, edit shards and \`${assigned}:\` there, then: rtopo rebalance --to FILE`,
  });
}

interface Addition {
  readonly name: string;
  readonly master: Address;
  readonly replicas: readonly Address[];
  readonly weight?: number;
}

/** `delta=10.0.0.9:6379`, `delta=10.0.0.9:6379:2` with a weight, `delta=10.0.0.9:6379,10.0.0.10:6379` with a replica. */
export function parseAddition(text: string): Addition {
  const equals = text.indexOf('=');
  const [first = '', ...rest] = text.slice(equals + 1).split(',');
  const weighted = /^(\[[^\]]*\]:\d+|[^:]*:\d+):(\d{1,6})$/.exec(first);
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
