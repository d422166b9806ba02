/** One key by itself, element by element: too big for one payload, or of a version whose payload the target cannot read. */
import {ExitCode, escapeText, RtopoError} from '../errors.js';
import type {RespSocket} from '../redis/resp/socket.js';
import type {Node} from './nodes.js';
import {note, type Operation, resumeCommand, write} from './operation.js';
import {packKeys, packSums, packSumsOf} from './packing.js';
import {OUTCOME_LETTERS} from './records.js';
import {type CarriedByElements, carryByElements} from './transports/elements.js';

/** A value that changes every time it is read is one that somebody works with. */
const MAX_ATTEMPTS = 3;

export interface ValueCarriage {
  readonly db: number;
  readonly source: Node;
  readonly target: Node;
  /** Used by nobody else meanwhile. */
  readonly from: RespSocket;
  readonly to: RespSocket;
  readonly key: Buffer;
  readonly isOver: () => boolean;
}

/** Announced and told like a batch, of one key. */
export async function copyValue(operation: Operation, carriage: ValueCarriage): Promise<CarriedByElements> {
  const {db, source, target, key} = carriage;
  const batch = operation.nextBatch++;
  const where = {batch, source: source.number, target: target.number, db};
  await write(operation, {
    type: 'copy',
    ...where,
    keys: packKeys([key]),
    sums: packSums([null]),
    of: packSumsOf([]),
    expiries: {},
  });
  operation.received.add(target.number);
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const carried = await carryOnce(operation, carriage);
    addWrites(operation, target.number, carried.writes);
    if (carried.outcome === 'again') continue;
    const {outcome, digest, expireAtMs, bytes} = carried;
    const elements = outcome === 'created' || outcome === 'equal' ? {0: {digest, expireAtMs}} : {};
    note(operation, {type: 'copied', batch, outcomes: OUTCOME_LETTERS[outcome], landed: {}, bytes, elements});
    for (const text of carried.notes) operation.notes.add(text);
    return carried;
  }
  throw new RtopoError({
    code: 'VALUE_CHANGING',
    exit: ExitCode.incomplete,
    message: `${escapeText(key.toString('utf8'))} on ${source.at} changed every time it was read: somebody writes to it. Nothing was deleted.`,
    remedy: `stop the writers, then: ${resumeCommand(operation)}`,
    details: {id: operation.id, keyBase64: key.toString('base64'), db},
  });
}

function carryOnce(operation: Operation, {db, source, target, from, to, key, isOver}: ValueCarriage) {
  const hasFieldTtl = (node: Node): boolean => operation.intakes.get(node.number)?.hasFieldTtl === true;
  return carryByElements({
    ...{source: from, target: to, db, key},
    operation: operation.id,
    maxLatencyMs: operation.settings.maxLatencyMs,
    knowsFieldTtl: {source: hasFieldTtl(source), target: hasFieldTtl(target)},
    onChunk: (bytes) => operation.pace.admit({keys: 0, bytes}, isOver),
  });
}

function addWrites({ownWrites}: Operation, target: number, writes: number): void {
  const {sure, perhaps} = ownWrites.get(target) ?? {sure: 0, perhaps: 0};
  ownWrites.set(target, {sure: sure + writes, perhaps});
}
