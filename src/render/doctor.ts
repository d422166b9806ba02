/** `rtopo doctor` for people. */
import type {DoctorReport} from '../report/doctor.js';
import type {Style} from './style.js';
import {plural} from './units.js';
import {wrapped} from './wrap.js';

export function renderDoctor({scheme, findings}: DoctorReport, style: Style): string {
  if (findings.length === 0)
    return `${style.good('✓')} scheme ${scheme}: nothing in this design that will hurt later\n`;
  const parts = findings.map(({code, message, remedy}) =>
    [
      `${style.warning('!')} ${style.bold(code)}`,
      wrapped(message, style.columns, 2),
      style.dim(wrapped(`→ ${remedy}`, style.columns, 2)),
    ].join('\n'),
  );
  return `${parts.join('\n\n')}\n\n${plural(findings.length, 'finding')} in scheme ${scheme}\n`;
}
