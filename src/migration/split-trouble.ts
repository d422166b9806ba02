/** What can go wrong with a server that is filled as a replica. */
import {ExitCode, RtopoError} from '../errors.js';
import type {Node} from './nodes.js';

export function childStuck(child: Node, parent: Node, offset: number): RtopoError {
  return new RtopoError({
    code: 'CHILD_BEHIND',
    exit: ExitCode.incomplete,
    message: `${child.at} had not caught up with offset ${offset} of ${parent.at} in time, so it was not taken off it. Nothing was changed at ${parent.at}.`,
    remedy: 'try again when less is written',
  });
}
