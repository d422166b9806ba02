/** What somebody typed (`--to FILE`, or `--add`, `--remove`, `--weight`, `--rename`, `--scheme`) as a change of the topology. */
import {dirname} from 'node:path';
import {usageError} from '../errors.js';
import {placementOf} from '../placement/schemes.js';
import {addShard, removeShard} from '../topology/edit.js';
import {replaceMaster} from '../topology/edit-address.js';
import {placementValue, readPlacement, setPlacement} from '../topology/edit-placement.js';
import {renameShard, setWeight} from '../topology/edit-shard.js';
import {type LoadedTopology, loadTopology} from '../topology/load.js';
import type {TopologySource} from '../topology/parse.js';
import {addressText, sameAddress, type Topology} from '../topology/types.js';
import {type Change, planChange} from './plan.js';
import {parseReplacement} from './replacement.js';
import {sideOf} from './start.js';
import {type Addition, parseAddition, parseRenaming, parseWeight} from './typed.js';

export interface ChangeRequest {
  /** A file with the topology as it shall be. */
  readonly to: string | undefined;
  /** `name=address[:weight][,replica…]`. */
  readonly add: readonly string[];
  /** Names of shards. */
  readonly remove: readonly string[];
  /** `name=address`: the shard's new master. */
  readonly replace?: readonly string[] | undefined;
  /** `name=weight`. */
  readonly weight?: readonly string[] | undefined;
  /** `old=new`. */
  readonly rename?: readonly string[] | undefined;
  /** Another scheme with its defaults; keeps the hash tag. */
  readonly scheme?: string | undefined;
  readonly hashTag?: string | undefined;
  /** The whole rule, as YAML. */
  readonly placement?: string | undefined;
}

export interface RequestedChange {
  readonly change: Change;
  /** The file that the cutover will rewrite. */
  readonly file: string;
  /** Names that were to be added and are part of the topology already, at that address. */
  readonly present: readonly string[];
}

/** @throws RtopoError exit 64 for what was typed, 78 for what the result would be */
export async function requestedChange(source: LoadedTopology, request: ChangeRequest): Promise<RequestedChange> {
  const {to} = request;
  if (source.path === null) {
    throw usageError({
      message: 'The topology came from standard input, and a rebalance ends by rewriting the topology file.',
      remedy: 'name the file with --topology FILE',
    });
  }
  assertOneWay(request);
  const edited = to === undefined ? editedText(source, request) : {text: await textOf(to), present: []};
  // Relative paths in the new text are meant from where the file will be.
  const folder = dirname(source.path);
  const [from, next] = [sideOf(source.text, source.path), sideOf(edited.text, to ?? source.path, folder)];
  return {change: planChange(from, next), file: source.path, present: edited.present};
}

const textOf = async (file: string): Promise<string> => (await loadTopology({file, env: {}, cwd: process.cwd()})).text;

function assertOneWay(request: ChangeRequest): void {
  const {to, add, remove, replace = [], weight = [], rename = [], scheme, hashTag, placement} = request;
  const words = add.length + remove.length + replace.length + weight.length + rename.length;
  const isRule = scheme !== undefined || hashTag !== undefined;
  const isEdit = words > 0 || isRule || placement !== undefined;
  if (to !== undefined && isEdit) {
    throw usageError({
      message:
        '--to describes the whole new topology; it does not go with --add, --remove, --replace, --weight, --rename or --scheme.',
      remedy: 'make all changes in that file, then: rtopo rebalance --to FILE',
    });
  }
  if (to === undefined && !isEdit) {
    throw usageError({
      message: 'Nothing says what to change.',
      remedy:
        'rtopo rebalance --add delta=127.0.0.1:7003, or --remove NAME, --replace NAME=ADDRESS, --weight NAME=2, --rename OLD=NEW, --scheme NAME, --to FILE',
    });
  }
  if (placement === undefined || !isRule) return;
  throw usageError({
    message: '--placement is the whole rule; it does not go with --scheme or --hash-tag.',
    remedy: 'rtopo rebalance --placement \'scheme: ketama, hashTag: "{}"\'',
  });
}

export interface EditedText {
  readonly text: string;
  readonly present: readonly string[];
}

/** The text with all that was asked for. Names are those that the file has now; renaming comes after what names them. */
export function editedText(source: TopologySource, request: ChangeRequest): EditedText {
  const {remove, replace = [], weight = [], rename = []} = request;
  const additions = request.add.map(parseAddition);
  const present = additions.filter((one) => isPresent(source.topology, one));
  const added = additions.filter((one) => !present.includes(one));
  assertExtendable(source, request, added);
  const keepNode = rename.length > 0 && source.check(placementOf).traits.identity === 'node';
  const ruled = (text: string): string => withRule(text, source.topology, request);
  const without = (text: string): string => remove.reduce(removeShard, text);
  const within = (text: string): string => added.reduce((now, shard) => addShard(now, shard), text);
  const readdressed = replace.map(parseReplacement).reduce(replaceMaster, source.text);
  const reweighted = weight.map(parseWeight).reduce(setWeight, readdressed);
  const renamed = rename.map(parseRenaming).reduce((text, one) => renameShard(text, {...one, keepNode}), reweighted);
  // A list of shards is never empty, not even for a moment.
  const steps = remove.length < source.topology.shards.length ? [without, ruled, within] : [ruled, within, without];
  const text = steps.reduce((now, step) => step(now), renamed);
  return {text, present: present.map(({name}) => name)};
}

/** Declared already, as it was typed. @throws RtopoError exit 64 when only its address is */
function isPresent({shards}: Topology, {name, master, replicas, weight}: Addition): boolean {
  const shard = shards.find((one) => one.name === name && sameAddress(one.master.address, master));
  if (shard === undefined) return false;
  const missing = replicas.find((address) => !shard.replicas.some((one) => sameAddress(one.address, address)));
  if (missing !== undefined) {
    throw usageError({
      code: 'SHARD_EXISTS',
      message: `Shard ${name} is already part of the topology, without the replica ${addressText(missing)}. Replicas move no key.`,
      remedy: 'declare the replica in the topology file, then: rtopo replicate',
    });
  }
  if (weight === undefined || weight === shard.weight) return true;
  throw usageError({
    code: 'SHARD_EXISTS',
    message: `Shard ${name} is already part of the topology, with weight ${shard.weight}.`,
    remedy: `rtopo rebalance --weight ${name}=${weight}`,
  });
}

function withRule(text: string, {placement}: Topology, {scheme, hashTag, placement: typed}: ChangeRequest): string {
  if (typed !== undefined) return setPlacement(text, readPlacement(typed));
  if (scheme === undefined && hashTag === undefined) return text;
  const name = scheme ?? placement?.scheme;
  if (name === undefined) {
    throw usageError({
      message: '--hash-tag belongs to a placement, and the topology has none.',
      remedy: 'name its scheme too: --scheme ketama',
    });
  }
  const tag = hashTag ?? placement?.hashTag ?? null;
  // Options belong to a scheme: those of another one would not be understood.
  const options = placement?.scheme === name ? placement.options : {};
  return setPlacement(text, placementValue({scheme: name, hashTag: tag, options}));
}

/** Where the file itself assigns keys to shards by name, a shard more or a name changed needs another assignment. */
function assertExtendable(source: TopologySource, request: ChangeRequest, added: readonly Addition[]): void {
  const {remove, rename = [], scheme, placement} = request;
  const flag = added.length > 0 ? '--add' : remove.length > 0 ? '--remove' : rename.length > 0 ? '--rename' : null;
  const isRuledAnew = placement !== undefined || (scheme !== undefined && scheme !== source.topology.placement?.scheme);
  if (flag === null || isRuledAnew || source.topology.placement === null) return;
  const {assignedBy} = source.check(placementOf).traits;
  if (assignedBy === null) return;
  throw usageError({
    message: `The placement assigns keys to shards by its \`${assignedBy}:\`, so ${flag} alone cannot say which keys the change concerns.`,
    remedy: `copy the topology file, edit shards and \`${assignedBy}:\` there, then: rtopo rebalance --to FILE`,
  });
}
