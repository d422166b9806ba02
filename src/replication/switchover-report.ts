/** From a plan, or from what a journal tells, to what people and scripts read. */
import {ExitCode, RtopoError, refusal} from '../errors.js';
import type {Refusal} from '../report/replicate.js';
import type {LossProof, SwitchoverReport} from '../report/switchover.js';
import {addressText} from '../topology/types.js';
import type {SwitchPlan} from './switchover-plan.js';
import type {Promoted, Told} from './switchover-record.js';

/** The exit code, and the error beside it when a script should read one. */
export interface ChangeVerdict {
  readonly exit: ExitCode;
  readonly error?: RtopoError;
}

export const NOTHING_DONE = {
  ...{id: null, writeGapMs: null, proof: null, repointed: [], fullResyncs: null, persisted: null, notPersisted: []},
  ...{killedClients: null, left: [], backup: null, journal: null},
} satisfies Partial<SwitchoverReport>;

export function plannedReport(plan: SwitchPlan): SwitchoverReport {
  const {shard, old, next, engine, engineReason, steps, refused} = plan;
  return {
    ...{shard: shard.name, from: addressText(old.address), to: next === null ? '' : addressText(next.address)},
    ...{engine, engineReason, steps, refused, ...NOTHING_DONE},
    phase: refused.length > 0 ? 'refused' : 'planned',
  };
}

export function toldReport(told: Told): SwitchoverReport {
  const {begin, promoted, settled, end} = told;
  return {
    ...{shard: begin.shard, from: begin.old, to: begin.next},
    engine: promoted?.engine ?? begin.engine,
    engineReason: promoted?.engine === 'failover' ? null : begin.engineReason,
    ...{id: begin.id, phase: end ?? 'unfinished', steps: [], refused: []},
    writeGapMs: promoted?.writeGapMs ?? null,
    proof: promoted === null ? null : proofOf(promoted),
    ...{repointed: settled?.repointed ?? [], fullResyncs: settled?.fullResyncs ?? null},
    persisted: settled === null ? null : settled.notPersisted.length === 0,
    notPersisted: settled?.notPersisted ?? [],
    ...{killedClients: told.killed, left: settled?.left ?? [], backup: told.backup, journal: told.path},
  };
}

function proofOf({engine, fencedOffset, promotedOffset, bytesLost}: Promoted): LossProof {
  const isKnown = engine !== 'promotion' || bytesLost !== null;
  return {fencedOffset: isKnown ? fencedOffset : null, promotedOffset, bytesLost};
}

/** What may surprise later. */
export function afterwards({notPersisted, fullResyncs, to}: SwitchoverReport): string[] {
  return [
    ...(notPersisted.length === 0
      ? []
      : [
          `not persisted on ${notPersisted.join(', ')}: no config file, or CONFIG REWRITE failed; a restart brings the old role back`,
        ]),
    ...(fullResyncs === null || fullResyncs === 0
      ? []
      : [
          `${to} had to give ${fullResyncs} full synchronisation${fullResyncs === 1 ? '' : 's'}: the backlog did not suffice`,
        ]),
  ];
}

/** Refusals weigh most; a change that is done and has left somebody behind is incomplete. */
export function verdictOf(report: SwitchoverReport): ChangeVerdict {
  if (report.refused.length > 0) return {exit: ExitCode.refused, error: refusedAll(report.refused)};
  if (report.phase === 'planned') return {exit: ExitCode.attention};
  if (report.left.length === 0) return {exit: ExitCode.ok};
  const [first] = report.left as [SwitchoverReport['left'][number]];
  const error = new RtopoError({
    code:
      first.code === 'FORMER_MASTER_BACK' || report.left.some(({code}) => code === 'FORMER_MASTER_BACK')
        ? 'FORMER_MASTER_BACK'
        : 'NOT_REPOINTED',
    exit: ExitCode.incomplete,
    message: `${report.to} leads shard ${report.shard}, and this is left:\n${report.left.map(({instance, message}) => `  ${instance}: ${message}`).join('\n')}`,
    remedy: 'rtopo status; then, for those that the topology file names: rtopo replicate',
    details: {left: report.left},
  });
  return {exit: ExitCode.incomplete, error};
}

function refusedAll(refused: readonly Refusal[]): RtopoError {
  const [first] = refused as [Refusal];
  const all = refused.map(({code, instance}) => `${code} on ${instance}`).join(', ');
  return refusal({
    code: first.code,
    message: `Refused for safety, nothing was changed: ${all}.`,
    remedy: first.consent === null ? first.remedy : `${first.remedy} (consent: ${first.consent})`,
  });
}
