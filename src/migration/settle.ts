/** A name that source and target hold with different values: refused, left where it is, or the target's value put aside first. */
import {ExitCode, escapeText, RtopoError} from '../errors.js';
import type {RespSocket} from '../redis/resp/socket.js';
import {putAside} from './aside.js';
import type {Node} from './nodes.js';
import {abortCommand, type Operation, resumeCommand} from './operation.js';

export interface Conflicting {
  readonly source: Node;
  readonly target: Node;
  /** To the target, in that database. */
  readonly socket: RespSocket;
  readonly db: number;
  readonly keys: readonly Buffer[];
}

/**
 * Returns the keys whose way is free now, to be copied once more.
 * @throws RtopoError `CONFLICT` where nobody has said that they may be skipped or replaced, or where that is no longer safe
 */
export async function settleConflicts(operation: Operation, found: Conflicting): Promise<readonly Buffer[]> {
  const {settings, consents, counts, hasCutOver} = operation;
  if (found.keys.length === 0) return [];
  // Since the cutover the owner's value is the truth, whatever was agreed before.
  if (hasCutOver) throw conflict(operation, found);
  if (settings.onConflict === 'skip') {
    counts.skipped += found.keys.length;
    return [];
  }
  const isAllowed = settings.onConflict === 'replace' && consents.replaceOn?.includes(found.target.at);
  if (!isAllowed) throw conflict(operation, found);
  const {freed, taken} = await putAside(operation, found);
  // A value is put aside once. Whatever is there now came after us.
  if (taken.length > 0) throw conflict(operation, {...found, keys: taken});
  return freed;
}

function conflict(operation: Operation, {source, target, db, keys}: Conflicting): RtopoError {
  const names = keys.slice(0, 5).map((key) => escapeText(key.toString('utf8')));
  const cause = operation.hasCutOver
    ? 'Somebody wrote to the old owner after its keys were copied.'
    : 'Either somebody writes during the move, or both servers held the key before.';
  return new RtopoError({
    code: 'CONFLICT',
    exit: ExitCode.incomplete,
    message:
      `${keys.length} key${keys.length === 1 ? '' : 's'} of database ${db} with one value on ${source.at} and another on ${target.at}, for example ${names.join(', ')}. ` +
      `${cause} Nothing was overwritten and nothing deleted.`,
    remedy: operation.hasCutOver
      ? `delete the wrong one of the two values, then: ${resumeCommand(operation)}`
      : `stop the writers, then undo the copies and start over: ${abortCommand(operation)}`,
    details: {
      id: operation.id,
      conflicts: keys.length,
      examples: keys.slice(0, 20).map((key) => ({keyBase64: key.toString('base64'), db})),
    },
  });
}
