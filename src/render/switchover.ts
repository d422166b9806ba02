/** A change of master for people: what will be done, or what came of it with its proof. */
import type {ChangeStep, SwitchoverReport} from '../report/switchover.js';
import {type Labelled, labelled} from './labelled.js';
import {describe} from './status.js';
import type {Style} from './style.js';
import {count, plural} from './units.js';

export function renderSwitchover(report: SwitchoverReport, style: Style): string {
  const parts = [title(report, style), ...body(report, style), verdict(report, style)];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

export function title({shard, from, to}: SwitchoverReport, style: Style): string {
  return `${style.bold(shard)}  ${from} → ${to === '' ? 'nobody' : to}`;
}

function body(report: SwitchoverReport, style: Style): string[] {
  return [
    report.refused.length > 0 ? refusals(report, style) : stepList(report.steps, style),
    labelled(rows(report), style),
  ];
}

export function refusals({refused}: SwitchoverReport, style: Style): string {
  return refused
    .map(({remedy, consent, ...one}) => {
      const advice = consent === null || remedy.includes(consent) ? remedy : `${remedy}; consent: ${consent}`;
      return describe({...one, remedy: advice, severity: 'critical'}, style);
    })
    .join('\n');
}

export function stepList(steps: readonly ChangeStep[], style: Style): string {
  const width = Math.max(0, ...steps.map(({instance}) => instance.length));
  return steps
    .map(({instance, action, command}) => {
      const what = command === null ? WORDS[action] : `${WORDS[action]}${style.dim(`  ${command}`)}`;
      return `  ${style.accent('~')} ${instance.padEnd(width)}  ${what}`;
    })
    .join('\n');
}

const WORDS: Readonly<Record<ChangeStep['action'], string>> = {
  lock: 'lock',
  fence: 'hold writes off',
  'catch-up': 'catch up',
  failover: 'hand over',
  demote: 'demote',
  promote: 'promote',
  unfence: 'let writes go on',
  'kill-clients': 'disconnect clients',
  repoint: 'follow the new one',
  persist: 'persist',
  verify: 'read back',
  'edit-file': 'change places',
};

function rows(report: SwitchoverReport): Labelled[] {
  const {phase, engine, engineReason, proof, writeGapMs, journal} = report;
  const engineText =
    engine === 'failover'
      ? "the server's own FAILOVER"
      : engine === 'pause'
        ? 'a write pause and two orders'
        : 'a promotion';
  const how = engineReason === null ? engineText : `${engineText}: ${engineReason}`;
  return [
    ...(phase === 'refused' ? [] : [{label: 'by', text: how}]),
    ...(proof === null ? [] : [{label: 'proof', text: proofText(proof)}]),
    ...(writeGapMs === null ? [] : [{label: 'writes waited', text: `${count(writeGapMs)} ms`}]),
    ...aftermath(report),
    ...(journal === null || phase === 'done' ? [] : [{label: 'journal', text: journal, whole: true}]),
  ];
}

export function aftermath(report: SwitchoverReport): Labelled[] {
  const {repointed, fullResyncs, killedClients, persisted, notPersisted, backup} = report;
  const resyncs =
    fullResyncs === null ? '' : fullResyncs === 0 ? ', by partial resyncs' : `, ${plural(fullResyncs, 'full resync')}`;
  return [
    ...(repointed.length === 0 ? [] : [{label: 'follow it', text: `${repointed.join(', ')}${resyncs}`}]),
    ...(killedClients === null ? [] : [{label: 'disconnected', text: plural(killedClients, 'client')}]),
    ...(persisted === null
      ? []
      : [{label: 'persisted', text: persisted ? 'yes' : `not on ${notPersisted.join(', ')}`}]),
    ...(backup === null ? [] : [{label: 'file before', text: backup, whole: true}]),
  ];
}

function proofText({fencedOffset, promotedOffset, bytesLost}: NonNullable<SwitchoverReport['proof']>): string {
  const fenced = fencedOffset === null ? 'an unknown offset' : `offset ${count(fencedOffset)}`;
  const lost = bytesLost === null ? 'bytes lost: unknown' : `${plural(bytesLost, 'byte')} lost`;
  return `acknowledged up to ${fenced}, promoted with all up to ${count(promotedOffset)}: ${lost}`;
}

export function verdict({phase, left, to, steps}: SwitchoverReport, style: Style): string {
  switch (phase) {
    case 'refused':
      return `${style.bad('✗')} refused for safety: nothing was changed`;
    case 'planned':
      return `${style.accent('~')} ${plural(steps.length, 'step')} to do`;
    case 'unfinished':
      return `${style.bad('✗')} unfinished`;
    case 'aborted':
      return `${style.warning('!')} ended without a change of master`;
    case 'done':
      return left.length === 0
        ? `${style.good('✓')} ${to} leads; every link is up, with its history`
        : `${style.bad('✗')} ${to} leads; ${plural(left.length, 'thing')} left to do`;
  }
}
