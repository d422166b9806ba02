/** Edits of one shard: its weight, its name. */

import type {Node} from 'yaml';
import {setEntry} from './edit-entry.js';
import {type FileValue, finish, openSheet, unknownShard} from './edit-text.js';

/** The text in which that shard has this weight. A weight of 1 that goes without saying is not written. */
export function setWeight(text: string, {name, weight}: {readonly name: string; readonly weight: number}): string {
  return changeShard(text, name, (shard) =>
    (shard.weight ?? 1) === weight ? [] : [{key: 'weight', value: weight, after: 'node'}],
  );
}

export interface Renaming {
  readonly from: string;
  readonly to: string;
  /** The clients go on knowing the shard by the string that they know: the old name becomes its `node`, where it had none. */
  readonly keepNode: boolean;
}

export function renameShard(text: string, {from, to, keepNode}: Renaming): string {
  return changeShard(text, from, (shard) => [
    {key: 'name', value: to},
    ...(keepNode && shard.node === undefined ? [{key: 'node', value: from, after: 'name'}] : []),
  ]);
}

type ShardValue = FileValue['shards'][number];
type Change = {readonly key: string; readonly value: string | number; readonly after?: string};

function changeShard(text: string, name: string, changesOf: (shard: ShardValue) => readonly Change[]): string {
  const sheet = openSheet(text);
  const index = sheet.file.shards.findIndex((shard) => shard.name === name);
  const shard = sheet.file.shards[index];
  if (shard === undefined) {
    throw unknownShard(name, sheet);
  }
  const changes = changesOf(shard);
  const node = sheet.shards.items[index] as Node;
  const splices = changes.flatMap((change) => setEntry(sheet, node, placed(change, shard)));
  const wanted = {...shard, ...Object.fromEntries(changes.map(({key, value}) => [key, value]))};
  return finish(sheet, splices, {
    ...sheet.file,
    shards: sheet.file.shards.map((one, i) => (i === index ? wanted : one)),
  });
}

/** A weight follows the node where there is one, else the name. */
function placed(change: Change, shard: ShardValue): Change {
  return change.after === 'node' && shard.node === undefined ? {...change, after: 'name'} : change;
}
