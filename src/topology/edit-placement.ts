/** The edit of the rule itself: scheme, hash tag and options. What stays as it was is not touched. */
import {isDeepStrictEqual} from 'node:util';
import {isMap, type Node} from 'yaml';
import {ExitCode, RtopoError} from '../errors.js';
import {readDocument} from './document.js';
import {dropEntry, setEntry} from './edit-entry.js';
import {cannotEdit, finish, openSheet, pairOf, type Sheet} from './edit-text.js';
import type {PlacementSpec} from './types.js';

/** As the file says it: `scheme`, `hashTag` where there is one, and the options. */
export type PlacementValue = Readonly<Record<string, unknown>> & {readonly scheme: string};

export function placementValue({scheme, hashTag, options}: PlacementSpec): PlacementValue {
  return {scheme, ...(hashTag === null ? {} : {hashTag}), ...options};
}

/** The text with exactly this placement. Entry by entry, so that comments beside the others stay. */
export function setPlacement(text: string, wanted: PlacementValue): string {
  const {placement} = openSheet(text).file;
  if (typeof placement !== 'object' || placement === null) {
    return withPlacement(text, wanted);
  }
  // The scheme first: it is what every form in between needs.
  const set = Object.entries(wanted).reduce((now, [key, value]) => setKey(now, key, value), text);
  const old = Object.keys(placement).filter((key) => !Object.hasOwn(wanted, key));
  return old.reduce(dropKey, set);
}

/** A file of one shard has none; it goes in front of the shards. */
function withPlacement(text: string, wanted: PlacementValue): string {
  const sheet = openSheet(text);
  const keys = Object.keys(sheet.file);
  const after = keys[keys.indexOf('shards') - 1];
  const edit = {key: 'placement', value: wanted, ...(after === undefined ? {} : {after})};
  return finish(sheet, setEntry(sheet, sheet.root, edit), {...sheet.file, placement: wanted});
}

function setKey(text: string, key: string, value: unknown): string {
  const {sheet, node, placement} = openPlacement(text);
  if (isDeepStrictEqual(placement[key], value)) {
    return text;
  }
  return finish(sheet, setEntry(sheet, node, {key, value}), {...sheet.file, placement: {...placement, [key]: value}});
}

function dropKey(text: string, key: string): string {
  const {sheet, node, placement} = openPlacement(text);
  const {[key]: _, ...rest} = placement;
  return finish(sheet, dropEntry(sheet, node, key), {...sheet.file, placement: rest});
}

function openPlacement(text: string): {sheet: Sheet; node: Node; placement: Readonly<Record<string, unknown>>} {
  const sheet = openSheet(text);
  const node = pairOf(sheet.root, 'placement')?.value;
  if (!isMap(node)) {
    throw cannotEdit('its placement is an alias');
  }
  return {sheet, node, placement: sheet.file.placement as Readonly<Record<string, unknown>>};
}

/** `scheme: ketama, hash: md5`, with or without braces, as the command line has it. @throws RtopoError exit 64 */
export function readPlacement(text: string): PlacementValue {
  const inBraces = /^\s*\{/.test(text) || text.includes('\n') ? text : `{${text}}`;
  const read = readDocument(inBraces);
  const value = 'unreadable' in read ? null : read.value;
  const isUsable = !('unreadable' in read) && read.problems.list.length === 0;
  if (
    isUsable &&
    typeof value === 'object' &&
    value !== null &&
    'scheme' in value &&
    typeof value.scheme === 'string'
  ) {
    return value as PlacementValue;
  }
  const why = 'unreadable' in read ? read.unreadable[0]?.message : read.problems.list[0]?.message;
  throw new RtopoError({
    code: 'USAGE',
    exit: ExitCode.usage,
    message: `--placement takes a mapping with a scheme, as the topology file has it${why === undefined ? '' : ` (${why})`}.`,
    remedy: 'rtopo rebalance --placement \'scheme: ketama, hashTag: "{}"\'',
  });
}
