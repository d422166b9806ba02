/**
 * Did anybody write to the sources while their keys were copied? `rdb_changes_since_last_save` counts every change of a key made by a command
 * and no active expiry; what the operation's own lock wrote is subtracted. A snapshot in between resets the counter: then nobody knows.
 */
import {type Connection, endpointOf, withConnection} from '../redis/connect.js';
import {type Info, infoNumber, infoText, parseInfo} from '../redis/info.js';
import type {Operation, OwnWrites} from './operation.js';
import type {Writers} from './records.js';

interface Reading {
  readonly changes: number | null;
  readonly lastSave: number | null;
  /** Snapshots begun since the server started: the time of the last one counts whole seconds only. Null before Redis 7.0. */
  readonly saves: number | null;
  /** One that is under way takes its changes off the counter when it ends. */
  readonly isSaving: boolean;
  readonly runId: string | null;
  readonly ownWrites: OwnWrites;
}

export type Readings = ReadonlyMap<number, Reading>;

/** Takes a reading of every server that gives keys away. What lands elsewhere cannot get lost by this move. */
export async function readWriters(operation: Operation): Promise<Readings> {
  const giving = new Set(operation.matrix.map(({from}) => from));
  const sources = operation.nodes.filter(({name}) => giving.has(name));
  const readings = await Promise.all(
    sources.map(async ({instance, number, facts}): Promise<[number, Reading]> => {
      const info = await withConnection(endpointOf(instance), operation.timeoutMs, (connection) =>
        readBetweenRenewals(operation, facts.runId, connection),
      );
      const copies = operation.ownWrites.get(number) ?? {sure: 0, perhaps: 0};
      return [
        number,
        {
          changes: infoNumber(info, 'rdb_changes_since_last_save'),
          lastSave: infoNumber(info, 'rdb_last_save_time'),
          saves: infoNumber(info, 'rdb_saves'),
          isSaving: infoText(info, 'rdb_bgsave_in_progress') === '1',
          runId: infoText(info, 'run_id'),
          ownWrites: {...copies, sure: copies.sure + lockWrites(operation, facts.runId)},
        },
      ];
    }),
  );
  return new Map(readings);
}

const lockWrites = ({lock}: Operation, runId: string): number => lock.writes.get(runId) ?? 0;

/** The counter of the server and ours of the lock have to speak of the same moment: a renewal must not fall between them. */
async function readBetweenRenewals(operation: Operation, runId: string, connection: Connection): Promise<Info> {
  for (;;) {
    await operation.lock.settled();
    const before = lockWrites(operation, runId);
    const info = parseInfo(String(await connection.call('INFO')));
    await operation.lock.settled();
    if (lockWrites(operation, runId) === before) return info;
  }
}

/** The worst verdict of all sources. */
export function judgeWriters(before: Readings, after: Readings): Writers {
  let verdict: Writers = 'none-seen';
  for (const [number, first] of before) {
    const second = after.get(number);
    if (second === undefined || first.changes === null || second.changes === null) verdict = worse(verdict, 'unknown');
    else if (!isSameCount(first, second)) verdict = worse(verdict, 'unknown');
    else if (!isExplained(second.changes - first.changes, first.ownWrites, second.ownWrites)) verdict = 'seen';
  }
  return verdict;
}

/** The counter ran through from the first reading to the second: no restart, and no snapshot that reset it. */
function isSameCount(first: Reading, second: Reading): boolean {
  const isSame = first.runId === second.runId && first.lastSave === second.lastSave && first.saves === second.saves;
  return isSame && !first.isSaving;
}

/** Every change is one of ours, and every one of ours that is sure is among them. */
function isExplained(changes: number, before: OwnWrites, after: OwnWrites): boolean {
  const foreign = changes - (after.sure - before.sure);
  return foreign >= 0 && foreign <= after.perhaps - before.perhaps;
}

function worse(a: Writers, b: Writers): Writers {
  return a === 'seen' || b === 'seen' ? 'seen' : a === 'unknown' || b === 'unknown' ? 'unknown' : 'none-seen';
}
