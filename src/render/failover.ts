/** `rtopo failover` for people: the evidence, the candidates, what may be lost, and the duty that is left. */
import type {FailoverReport} from '../report/failover.js';
import {type Labelled, labelled} from './labelled.js';
import type {Style} from './style.js';
import {aftermath, refusals, stepList, title, verdict} from './switchover.js';
import {count} from './units.js';
import {wrapped} from './wrap.js';

export function renderFailover(report: FailoverReport, style: Style): string {
  const parts = [
    title(report, style),
    evidence(report, style),
    report.refused.length > 0 ? refusals(report, style) : stepList(report.steps, style),
    labelled(rows(report), style),
    duty(report, style),
    verdict(report, style),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function evidence({evidence: all, candidates}: FailoverReport, style: Style): string {
  const seen = all.map(({observer, isLost, message}) => {
    const sign = isLost === true ? style.good('✓') : isLost === false ? style.bad('✗') : style.dim('?');
    return wrapped(`${sign} ${observer} ${message}`, style.columns, 2);
  });
  const fit = candidates.map(({instance, offset, priority, excluded}) => {
    const facts = `offset ${count(offset)}${priority === null ? '' : `, priority ${priority}`}`;
    return `  ${style.dim('candidate')} ${instance}  ${facts}${excluded === null ? '' : style.warning(`: ${excluded}`)}`;
  });
  return [...seen, ...fit].join('\n');
}

function rows(report: FailoverReport): Labelled[] {
  const {proof} = report;
  const lost =
    proof === null
      ? []
      : [
          {
            label: 'lost',
            text:
              proof.bytesLost === null
                ? `unknown: what the old master acknowledged beyond offset ${count(proof.promotedOffset)} is not here`
                : `${count(proof.bytesLost)} bytes: it was demoted before, and the new one has all up to ${count(proof.promotedOffset)}`,
          },
        ];
  return [...lost, ...aftermath(report)];
}

function duty({fencingDuty, phase}: FailoverReport, style: Style): string {
  if (fencingDuty === null || phase === 'refused') return '';
  return wrapped(`${style.warning('!')} ${fencingDuty}`, style.columns, 2).trimStart();
}
