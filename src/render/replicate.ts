/** `rtopo replicate` for people: the plan as it will be done, and afterwards what came of it. */
import type {Refusal, ReplicateReport, ReplicateStepReport} from '../report/replicate.js';
import {describe} from './status.js';
import type {Style} from './style.js';
import {columns} from './table.js';
import {count, plural} from './units.js';

export function renderReplicate(report: ReplicateReport, style: Style): string {
  const parts = [
    ...report.unreachable.map(({instance, code, message}) =>
      describe({severity: 'critical', code, message, remedy: `start ${instance}, then: rtopo replicate`}, style),
    ),
    ...report.refused.map((refusal) => describeRefusal(refusal, style)),
  ];
  const steps = report.steps.length === 0 ? '' : `${stepTable(report.steps, style)}\n\n`;
  return `${steps}${parts.length === 0 ? '' : `${parts.join('\n')}\n\n`}${verdict(report, style)}\n`;
}

function stepTable(steps: readonly ReplicateStepReport[], style: Style): string {
  const rows = steps.map((step) => [
    outcomeSign(step, style),
    step.shard,
    step.instance,
    actionText(step, style),
    step.message ?? persistedText(step, style),
  ]);
  return columns({head: ['', 'SHARD', 'INSTANCE', 'STEP', ''].map(style.dim), rows});
}

function outcomeSign({outcome}: ReplicateStepReport, style: Style): string {
  switch (outcome) {
    case 'planned':
      return style.accent('~');
    case 'done':
      return style.good('✓');
    case 'failed':
      return style.bad('✗');
    case 'skipped':
      return style.dim('-');
  }
}

function actionText(step: ReplicateStepReport, style: Style): string {
  switch (step.action) {
    case 'set-auth':
      return 'set the login towards a master';
    case 'promote':
      return 'become the master';
    case 'replicate-from': {
      const loss = step.keysAtRisk > 0 ? style.bad(` DISCARDS ${plural(step.keysAtRisk, 'key')}`) : '';
      return `replicate from ${step.target}${style.dim(` (${step.resync} sync)`)}${loss}`;
    }
  }
}

function persistedText({outcome, persisted}: ReplicateStepReport, style: Style): string {
  if (outcome !== 'done') return '';
  switch (persisted) {
    case 'yes':
      return style.dim('persisted');
    case 'no-config-file':
      return style.warning('not persisted: no config file');
    case 'failed':
      return style.warning('not persisted: CONFIG REWRITE failed');
    case 'not-asked':
      return '';
  }
}

function describeRefusal({code, message, remedy}: Refusal, style: Style): string {
  return describe({severity: 'critical', code, message, remedy}, style);
}

function verdict(report: ReplicateReport, style: Style): string {
  const {steps, unchanged, refused, applied, unreachable} = report;
  const asDeclared = `${count(unchanged)} ${unchanged === 1 ? 'instance is' : 'instances are'} as declared`;
  if (refused.length > 0) return `${style.bad('✗')} refused for safety: nothing was changed`;
  if (steps.length === 0) {
    return unreachable.length === 0
      ? `${style.good('✓')} nothing to change: ${asDeclared}`
      : `${style.bad('✗')} ${plural(unreachable.length, 'instance')} out of reach; ${asDeclared}`;
  }
  if (!applied) return `${style.accent('~')} ${plural(steps.length, 'step')} to do; ${asDeclared} already`;
  const done = steps.filter(({outcome}) => outcome === 'done').length;
  if (done === steps.length)
    return `${style.good('✓')} ${plural(done, 'step')} done; every link is up with the history of its master`;
  return `${style.bad('✗')} ${done} of ${plural(steps.length, 'step')} done`;
}
