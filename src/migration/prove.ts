/**
 * The end of a move is proved, not believed: the names on all servers are counted again from the start. What pruning had to keep, and
 * what turns out to be in the wrong place, makes the operation unfinished; a resume then looks at every key that is left.
 */
import {ExitCode, RtopoError} from '../errors.js';
import {type Operation, resumeCommand, write} from './operation.js';
import {MAX_SKEW_MS} from './preflight.js';
import type {Kept} from './prune.js';
import type {FinalCheck} from './records.js';
import {verifyPlacement} from './verify.js';

/** @throws RtopoError exit 4 when a key is not on its owner, or on another server too */
export async function proveEnd(operation: Operation, kept: Kept): Promise<FinalCheck> {
  if (kept.changed > 0) throw await leftover(operation, changedSources(operation, kept));
  if (kept.missing > 0) throw await leftover(operation, missingCopies(operation, kept));
  const agreed = agreedMisplaced(operation);
  let report = await countAll(operation);
  if (report.misplaced > agreed) {
    // A key that had expired by the target's clock when it was copied lives on at its source for as long as the clocks are apart.
    await new Promise((resolve) => setTimeout(resolve, MAX_SKEW_MS));
    report = await countAll(operation);
  }
  const {keys, misplaced, duplicates} = report;
  if (misplaced <= agreed) return {keys, misplaced, duplicates};
  throw await leftover(operation, {
    code: 'FINAL_CHECK_FAILED',
    keys: report.misplaced,
    message: `${report.misplaced} keys are on a server that does not own them, ${report.duplicates} of them on their owner too: they were written during the move.`,
    remedy: `stop those who write there, then: ${resumeCommand(operation)}`,
    details: {misplaced: report.misplaced, duplicates: report.duplicates, examples: report.examples},
  });
}

/** Keys that stay where they do not belong because somebody has said so: conflicts that were skipped, strays that were kept. */
function agreedMisplaced({counts, planned, settings}: Operation): number {
  return counts.skipped + (settings.strays === 'keep' ? planned.strays : 0);
}

/** Every node, also those that own nothing any more. */
function countAll({change, nodes, timeoutMs}: Operation) {
  return verifyPlacement({
    topology: change.to.topology,
    placement: change.to.placement,
    retired: nodes.filter(({inTo}) => !inTo),
    timeoutMs,
  });
}

interface Leftover {
  readonly code: string;
  readonly keys: number;
  readonly message: string;
  readonly remedy: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

async function leftover(operation: Operation, {code, keys, message, remedy, details}: Leftover): Promise<RtopoError> {
  await write(operation, {type: 'leftovers', code, keys});
  return new RtopoError({
    code,
    exit: ExitCode.incomplete,
    message,
    remedy,
    details: {id: operation.id, ...details},
  });
}

function changedSources(operation: Operation, {changed, examples}: Kept): Leftover {
  return {
    code: 'SOURCE_CHANGED',
    keys: changed,
    message: `${changed} keys changed at their old owner after they were copied: somebody still writes there. They were kept and are on two shards now${shown(examples)}.`,
    remedy: `point every writer at the new topology, then: ${resumeCommand(operation)}`,
    details: {changed},
  };
}

function missingCopies(operation: Operation, {missing, examples}: Kept): Leftover {
  return {
    code: 'TARGET_LOST_KEY',
    keys: missing,
    message:
      `${missing} keys are no longer on the server that they were copied to: deleted there since, or lost. Their old copies were kept${shown(examples)}. ` +
      'A resume copies them again; those that were deleted on purpose have to be deleted at their old owner first.',
    remedy: resumeCommand(operation),
    details: {missing},
  };
}

function shown(examples: string): string {
  return examples === '' ? '' : ` (for example ${examples})`;
}
