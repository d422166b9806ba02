/** The verdict on a change of masters: done, or done with servers that could not be told of it. */
import {ExitCode, RtopoError} from '../errors.js';
import type {RebalanceReport} from '../report/rebalance.js';
import type {Verdict} from './base.js';

export function replacedVerdict({replaced = []}: RebalanceReport): Verdict {
  const left = replaced.flatMap((one) => one.left);
  if (left.length === 0) return {exit: ExitCode.ok};
  const error = new RtopoError({
    code: 'NOT_REPOINTED',
    exit: ExitCode.incomplete,
    message:
      'Every shard has its new master and nothing is lost, but some servers do not follow it yet:\n' +
      left.map(({instance, message}) => `  ${instance}: ${message}`).join('\n'),
    remedy: 'rtopo replicate, for those that the topology file still names',
    details: {left},
  });
  return {exit: ExitCode.incomplete, error};
}
