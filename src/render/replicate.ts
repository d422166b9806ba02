/** `rtopo replicate` for people: the plan as it will be done, and afterwards what came of it. */
import {stripVTControlCharacters} from 'node:util';
import type {ReplicateReport, ReplicateStepReport} from '../report/replicate.js';
import {describe} from './status.js';
import type {Style} from './style.js';
import {count, plural} from './units.js';

export function renderReplicate(report: ReplicateReport, style: Style): string {
  const reasons = [...report.unreachable, ...report.refused, ...report.steps.flatMap(reasonOf)];
  const critical = reasons.map((reason) => describe({...reason, severity: 'critical'}, style));
  const told = [...critical, ...report.warnings.map((warning) => describe(warning, style))];
  const parts = [
    ...stepLists(report.steps, style),
    ...(told.length === 0 ? [] : [told.join('\n')]),
    verdict(report, style),
    ...(report.planFile === undefined
      ? []
      : [`the plan is in ${report.planFile}; to carry it out: rtopo replicate --apply-plan ${report.planFile}`]),
  ];
  return `${parts.join('\n\n')}\n`;
}

/** Why a step failed, told below with the other reasons: a sentence has no place in a column. */
function reasonOf({outcome, code, message, remedy}: ReplicateStepReport) {
  return outcome !== 'failed' && outcome !== 'undone'
    ? []
    : [{code: code ?? 'FAILED', message: message ?? '', remedy: remedy ?? 'rtopo status'}];
}

/** One list per shard: address and action on one line where all of them fit, else one below the other. */
function stepLists(steps: readonly ReplicateStepReport[], style: Style): string[] {
  const width = Math.max(0, ...steps.map(({instance}) => instance.length));
  const beside = (step: ReplicateStepReport): string =>
    `  ${sign(step, style)} ${step.instance.padEnd(width)}  ${actionText(step, style)}`;
  const below = (step: ReplicateStepReport): string =>
    `  ${sign(step, style)} ${step.instance}\n      ${actionText(step, style)}`;
  const fits = steps.every((step) => stripVTControlCharacters(beside(step)).length <= style.columns);
  return [...new Set(steps.map(({shard}) => shard))].map((shard) => {
    const own = steps.filter((step) => step.shard === shard).map(fits ? beside : below);
    return [style.bold(shard), ...own].join('\n');
  });
}

function sign({outcome}: ReplicateStepReport, style: Style): string {
  switch (outcome) {
    case 'planned':
      return style.accent('~');
    case 'done':
      return style.good('✓');
    case 'failed':
      return style.bad('✗');
    case 'undone':
      return style.bad('↶');
    case 'skipped':
      return style.dim('-');
  }
}

function actionText(step: ReplicateStepReport, style: Style): string {
  switch (step.action) {
    case 'set-auth':
      return `set the login towards a master${remark(step, style)}`;
    case 'promote':
      return `become the master${remark(step, style)}`;
    case 'replicate-from': {
      const bytes = step.bytesAtRisk === null ? '' : ` (${plural(step.bytesAtRisk, 'byte')} of history)`;
      const loss = step.keysAtRisk > 0 ? style.bad(`, DISCARDS ${plural(step.keysAtRisk, 'key')}${bytes}`) : '';
      return `replicate from ${step.target}${resyncText(step, style)}${loss}${remark(step, style)}`;
    }
    case 'set-config': {
      const changes = (step.settings ?? []).map(({name, from, to}) => `${name} ${from} → ${to}`);
      return `set ${changes.join(', ')}${remark(step, style)}`;
    }
    case 'persist':
      return `write its role into its config file${step.persisted === 'yes' ? '' : remark(step, style)}`;
  }
}

/** The prediction; once it is known otherwise, what it came to. */
function resyncText({resync, resynced}: ReplicateStepReport, style: Style): string {
  if (resync === null) return '';
  if (resynced === null || resynced === resync) return style.dim(`, ${resync} sync`);
  const text = `, ${resynced} sync (${resync} was expected)`;
  return resynced === 'full' ? style.warning(text) : style.dim(text);
}

function remark(step: ReplicateStepReport, style: Style): string {
  if (step.outcome === 'skipped' && step.message !== undefined) return style.warning(`: ${step.message}`);
  if (step.outcome === 'undone') return style.warning(', undone');
  switch (step.persisted) {
    case 'yes':
      return style.dim(', persisted');
    case 'no-config-file':
    case 'failed':
      return style.warning(', not persisted');
    case 'not-asked':
      return '';
  }
}

function verdict(report: ReplicateReport, style: Style): string {
  const {steps, unchanged, refused, applied, unreachable} = report;
  const asDeclared = `${count(unchanged)} ${unchanged === 1 ? 'instance is' : 'instances are'} as declared`;
  const bad = (text: string) => `${style.bad('✗')} ${text}`;
  if (refused.length > 0) return bad('refused for safety: nothing was changed');
  const toDo = steps.filter(({outcome}) => outcome === 'planned').length;
  if (toDo > 0) return `${style.accent('~')} ${plural(toDo, 'step')} to do; ${asDeclared} already`;
  if (!applied && unreachable.length > 0) {
    return bad(`${plural(unreachable.length, 'instance')} out of reach; ${asDeclared}`);
  }
  if (steps.length === 0) return `${style.good('✓')} no changes: ${asDeclared}`;
  const done = steps.filter(({outcome}) => outcome === 'done').length;
  if (done < steps.length) return bad(`${done} of ${plural(steps.length, 'step')} done`);
  const links = `${plural(done, 'step')} done; every link made is up, with the history of its master`;
  return unreachable.length === 0
    ? `${style.good('✓')} ${links}`
    : bad(`${links}; ${plural(unreachable.length, 'instance')} out of reach`);
}
