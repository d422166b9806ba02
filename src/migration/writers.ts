/**
 * Did anybody write to the sources while their keys were copied? `rdb_changes_since_last_save` counts every change of a key made by a command
 * and no active expiry; what the operation's own lock wrote is subtracted. A snapshot in between resets the counter: then nobody knows.
 */
import {endpointOf, withConnection} from '../redis/connect.js';
import {infoNumber, infoText, parseInfo} from '../redis/info.js';
import type {Operation} from './operation.js';
import type {Writers} from './records.js';

interface Reading {
  readonly changes: number | null;
  readonly lastSave: number | null;
  readonly runId: string | null;
  readonly ownWrites: number;
}

export type Readings = ReadonlyMap<number, Reading>;

/** Takes a reading of every server that gives keys away. What lands elsewhere cannot get lost by this move. */
export async function readWriters(operation: Operation): Promise<Readings> {
  const giving = new Set(operation.matrix.map(({from}) => from));
  const sources = operation.nodes.filter(({name}) => giving.has(name));
  const readings = await Promise.all(
    sources.map(async ({instance, number, facts}): Promise<[number, Reading]> => {
      const info = await withConnection(endpointOf(instance), operation.timeoutMs, async (connection) =>
        parseInfo(String(await connection.call('INFO'))),
      );
      return [
        number,
        {
          changes: infoNumber(info, 'rdb_changes_since_last_save'),
          lastSave: infoNumber(info, 'rdb_last_save_time'),
          runId: infoText(info, 'run_id'),
          ownWrites: (operation.lock.writes.get(facts.runId) ?? 0) + (operation.ownWrites.get(number) ?? 0),
        },
      ];
    }),
  );
  return new Map(readings);
}

/** The worst verdict of all sources. */
export function judgeWriters(before: Readings, after: Readings): Writers {
  let verdict: Writers = 'none-seen';
  for (const [number, first] of before) {
    const second = after.get(number);
    if (second === undefined || first.changes === null || second.changes === null) verdict = worse(verdict, 'unknown');
    else if (first.runId !== second.runId || first.lastSave !== second.lastSave) verdict = worse(verdict, 'unknown');
    else if (second.changes - first.changes !== second.ownWrites - first.ownWrites) verdict = 'seen';
  }
  return verdict;
}

function worse(a: Writers, b: Writers): Writers {
  return a === 'seen' || b === 'seen' ? 'seen' : a === 'unknown' || b === 'unknown' ? 'unknown' : 'none-seen';
}
