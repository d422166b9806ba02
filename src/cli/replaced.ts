/** What a change that replaces masters asks before, and amounts to afterwards. */
import {ExitCode, RtopoError} from '../errors.js';
import {isOnlyReplaced} from '../render/replaced.js';
import type {RebalanceReport} from '../report/rebalance.js';
import type {Verdict} from './base.js';
import {exitOf} from './moving.js';

export function questionOf(plan: RebalanceReport): string {
  if (isOnlyReplaced(plan)) return 'Hand over to the new masters?';
  return plan.replaced === undefined ? 'Move these keys?' : 'Hand over to the new masters, and move these keys?';
}

/** Done, or done with servers that could not be told of it: exit 4. */
export function verdictOf(report: RebalanceReport): Verdict {
  const left = (report.replaced ?? []).flatMap((one) => one.left);
  if (left.length === 0) return {exit: exitOf(report)};
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
