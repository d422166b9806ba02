/** The edit after a shard has moved to another server: its master has another address, and whatever else is declared of the new one. */
import {isMap, isScalar, type Node, type Pair} from 'yaml';
import {readAddress} from './address.js';
import {setMaster} from './edit-master.js';
import {
  cannotEdit,
  contentEnd,
  type FileValue,
  finish,
  flowMap,
  openSheet,
  pairOf,
  type Sheet,
  type Splice,
  styleOf,
  textValue,
  unknownShard,
} from './edit-text.js';
import {type Address, addressText, sameAddress} from './types.js';

type Entry = FileValue['shards'][number]['master'];

export interface Readdressed {
  readonly shard: string;
  /** An address, or a mapping with one. */
  readonly master: Entry;
}

/**
 * The text in which the shard's master is `master`; replicas that followed the old one by name follow the new one. A declared replica
 * changes places with it instead.
 */
export function replaceMaster(text: string, {shard: name, master}: Readdressed): string {
  const sheet = openSheet(text);
  const index = sheet.file.shards.findIndex((shard) => shard.name === name);
  const shard = sheet.file.shards[index];
  if (shard === undefined) throw unknownShard(name, sheet);
  const [old, next] = [addressOf(shard.master), addressOf(master)];
  if (sameAddress(old, next)) return text;
  if ((shard.replicas ?? []).some((replica) => sameAddress(addressOf(replica), next))) {
    return setMaster(text, {shard: name, master: next});
  }
  const node = sheet.shards.items[index] as Node;
  const slot = pairOf(node, 'master');
  if (slot?.value == null) throw cannotEdit('the shard is written with aliases');
  const style = styleOf(node, sheet);
  const written = typeof master === 'string' ? textValue(master, style.quote) : flowMap(Object.entries(master), style);
  const list = pairOf(node, 'replicas')?.value as {items?: Node[]} | undefined;
  const splices: Splice[] = [
    intoSlot(sheet, slot, written),
    ...(list?.items ?? []).flatMap((replica) => repoint(replica, {old, next})),
  ];
  const wanted = {
    ...shard,
    master,
    ...(shard.replicas === undefined ? {} : {replicas: shard.replicas.map((one) => repointed(one, {old, next}))}),
  };
  const shards = sheet.file.shards.map((one, i) => (i === index ? wanted : one));
  return finish(sheet, splices, {...sheet.file, shards});
}

/** A mapping in block style stands on lines of its own; what replaces it stands behind the colon, unless a comment is in the way. */
function intoSlot({text}: Sheet, slot: Pair<Node, Node | null>, written: string): Splice {
  const {key, value} = slot as {key: Node; value: Node};
  const afterColon = text.indexOf(':', key.range![1]) + 1;
  const isBlock = isMap(value) && value.flow !== true;
  const isFree = isBlock && !text.slice(afterColon, value.range![0]).includes('#');
  const end = contentEnd(value);
  return isFree ? {start: afterColon, end, text: ` ${written}`} : {start: value.range![0], end, text: written};
}

/** How a file writes the master of a shard. */
export function masterEntry(text: string, name: string): Entry {
  const sheet = openSheet(text);
  const shard = sheet.file.shards.find((one) => one.name === name);
  if (shard === undefined) throw unknownShard(name, sheet);
  return shard.master;
}

interface Move {
  readonly old: Address;
  readonly next: Address;
}

function addressOf(entry: Entry): Address {
  const reading = readAddress(typeof entry === 'string' ? entry : entry.address);
  if (!reading.ok) throw cannotEdit('an address in it cannot be read');
  return reading.address;
}

function follows(of: unknown, {old}: Move): boolean {
  const reading = typeof of === 'string' ? readAddress(of) : null;
  return reading?.ok === true && sameAddress(reading.address, old);
}

function repointed(entry: Entry, move: Move): Entry {
  return typeof entry !== 'string' && follows(entry.of, move) ? {...entry, of: addressText(move.next)} : entry;
}

function repoint(node: Node, move: Move): readonly Splice[] {
  const of = pairOf(node, 'of')?.value;
  if (!isScalar(of) || !follows(of.value, move)) return [];
  return [{start: of.range![0], end: of.range![1], text: textValue(addressText(move.next), '"')}];
}
