/** The edit after a change of master: the two instances change places in the file, each with everything said of it. */
import {isMap, isScalar, type Node, type Pair, type YAMLMap} from 'yaml';
import {readAddress} from './address.js';
import {
  cannotEdit,
  column,
  contentEnd,
  type FileValue,
  finish,
  openSheet,
  pairOf,
  type Sheet,
  type Splice,
  textValue,
  unknownShard,
} from './edit-text.js';
import {keyText} from './positions.js';
import {type Address, addressText, sameAddress} from './types.js';

type ShardValue = FileValue['shards'][number];
type Entry = ShardValue['master'];

/**
 * The text in which `master`, a replica of the shard so far, is its master, and the old master stands in the replica's
 * place. Replicas that followed the old master by name follow the new one.
 */
export function setMaster(text: string, change: {readonly shard: string; readonly master: Address}): string {
  const sheet = openSheet(text);
  const index = sheet.file.shards.findIndex((shard) => shard.name === change.shard);
  const shard = sheet.file.shards[index];
  if (shard === undefined) {
    throw unknownShard(change.shard, sheet);
  }
  if (isAt(shard.master, change.master)) {
    return text;
  }
  const replicas = shard.replicas ?? [];
  const place = replicas.findIndex((replica) => isAt(replica, change.master));
  if (place === -1) {
    throw cannotEdit(`shard "${change.shard}" has no replica ${addressText(change.master)}`);
  }
  const old = shard.master;
  const wanted = {
    ...shard,
    master: withoutParent(replicas[place]!),
    replicas: replicas.map((replica, i) => (i === place ? old : repointed(replica, old, change.master))),
  };
  const node = sheet.shards.items[index];
  const masterPair = pairOf(node, 'master');
  const list = pairOf(node, 'replicas')?.value as {items: Node[]} | undefined;
  const promoted = list?.items?.[place];
  if (masterPair?.value == null || promoted === undefined) {
    throw cannotEdit('the shard is written with aliases');
  }
  const splices = [
    intoMasterSlot(sheet, masterPair, promoted),
    intoListSlot(sheet, promoted, masterPair.value),
    ...list!.items.flatMap((replica, i) => (i === place ? [] : repoint(replica, old, change.master))),
  ];
  const shards = sheet.file.shards.map((one, i) => (i === index ? wanted : one));
  return finish(sheet, splices, {...sheet.file, shards});
}

function isAt(entry: Entry, address: Address): boolean {
  return isAddress(typeof entry === 'string' ? entry : entry.address, address);
}

function isAddress(text: unknown, address: Address): boolean {
  const reading = typeof text === 'string' ? readAddress(text) : null;
  return reading?.ok === true && sameAddress(reading.address, address);
}

function addressOf(entry: Entry): Address | null {
  const reading = readAddress(typeof entry === 'string' ? entry : entry.address);
  return reading.ok ? reading.address : null;
}

function withoutParent(entry: Entry): Entry {
  if (typeof entry === 'string') {
    return entry;
  }
  const {of: _, ...rest} = entry;
  return rest as Entry;
}

function repointed(entry: Entry, from: Entry, to: Address): Entry {
  const old = addressOf(from);
  const follows = typeof entry !== 'string' && entry.of !== undefined && old !== null && isAddress(entry.of, old);
  return follows ? {...entry, of: addressText(to)} : entry;
}

function repoint(node: Node, from: Entry, to: Address): readonly Splice[] {
  const of = pairOf(node, 'of')?.value;
  const old = addressOf(from);
  if (!isScalar(of) || old === null || !isAddress(of.value, old)) {
    return [];
  }
  const quote = {QUOTE_DOUBLE: '"', QUOTE_SINGLE: "'"}[of.type as 'QUOTE_DOUBLE'] ?? '';
  return [{start: of.range![0], end: of.range![1], text: textValue(addressText(to), quote as '"')}];
}

function intoMasterSlot(sheet: Sheet, slot: Pair<Node, Node | null>, node: Node): Splice {
  const {text, eol} = sheet;
  const value = slot.value!;
  const keyColumn = column(text, slot.key.range![0]);
  const afterColon = text.indexOf(':', slot.key.range![1]) + 1;
  const hasComment = text.slice(afterColon, value.range![0]).includes('#');
  if (isBlock(node)) {
    const start = isBlock(value) ? value.range![0] : afterColon;
    const indent = isBlock(value) ? column(text, start) : keyColumn + 2;
    const lead = isBlock(value) ? '' : eol + ' '.repeat(indent);
    return {start, end: contentEnd(value), text: lead + blockText(sheet, node, indent)};
  }
  const start = isBlock(value) && !hasComment ? afterColon : value.range![0];
  return {start, end: contentEnd(value), text: (start === afterColon ? ' ' : '') + flowText(sheet, node)};
}

function intoListSlot(sheet: Sheet, slot: Node, node: Node): Splice {
  const [start] = slot.range!;
  const text = isBlock(node) ? blockText(sheet, node, column(sheet.text, start)) : flowText(sheet, node);
  return {start, end: contentEnd(slot), text};
}

function isBlock(node: Node): node is YAMLMap {
  return isMap(node) && node.flow !== true;
}

/** A scalar, or a mapping in braces, as it is written; without `of`. */
function flowText({text}: Sheet, node: Node): string {
  const own = text.slice(node.range![0], node.range![1]);
  if (!isMap(node) || pairOf(node, 'of') === undefined) {
    return own;
  }
  const kept = node.items.filter((pair) => keyText(pair.key as {value: unknown}) !== 'of') as Pair<Node, Node | null>[];
  const parts = kept.map(({key, value}) => text.slice(key.range![0], (value ?? key).range![1]));
  const pad = own.startsWith('{ ') ? ' ' : '';
  return `{${pad}${parts.join(', ')}${pad}}`;
}

/** A mapping in block style, moved to another column; without `of`. */
function blockText({text, eol}: Sheet, node: YAMLMap, indent: number): string {
  const from = column(text, node.range![0]);
  const items = node.items as Pair<Node, Node>[];
  const parts = items.flatMap((pair, i) => {
    const next = items[i + 1];
    const part = text.slice(pair.key.range![0], next === undefined ? contentEnd(node) : next.key.range![0]);
    return keyText(pair.key as unknown as {value: unknown}) === 'of' ? [] : [part];
  });
  const lines = parts
    .map((part) => part.trimEnd())
    .join(`\n${' '.repeat(from)}`)
    .split(/\r?\n/);
  return lines
    .map((line, i) => (i === 0 ? line : ' '.repeat(indent) + line.slice(Math.min(from, line.length))))
    .join(eol);
}
