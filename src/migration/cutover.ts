/** The topology file becomes the new one: from here on `locate`, `verify` and every colleague see the new owners. */
import {ExitCode, RtopoError} from '../errors.js';
import {replaceFile, textSha256} from '../topology/save.js';
import {abortCommand, type Operation, resumeCommand} from './operation.js';

/** Idempotent: a file that already has the new text is what an earlier run left. @throws RtopoError exit 4 when somebody edited it since */
export async function cutOver(operation: Operation): Promise<void> {
  const {file, change, id} = operation;
  const outcome = await replaceFile({
    path: file,
    expectedSha256: textSha256(change.interim),
    text: change.to.text,
    // What was there before the masters were replaced is kept under the plain name.
    backupSuffix: change.replacements.length === 0 ? `before-${id}` : `replaced-${id}`,
  });
  if (outcome !== 'changed') return;
  throw new RtopoError({
    code: 'TOPOLOGY_CHANGED',
    exit: ExitCode.incomplete,
    message: `${file} was edited since the plan was made; rtopo does not overwrite it. All copies are made and verified, nothing is deleted.`,
    remedy: `undo the copies and start over with the file as it is now: ${abortCommand(operation)}; or put the old text back, then: ${resumeCommand(operation)}`,
    details: {id, file},
  });
}
