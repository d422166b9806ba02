/** The sandbox for people: what runs where, and what to try next. */
import type {SandboxDemoReport, SandboxDownReport, SandboxUpReport} from '../report/sandbox.js';
import type {Style} from './style.js';
import {columns} from './table.js';
import {plural} from './units.js';

export function renderSandboxUp(report: SandboxUpReport, style: Style): string {
  const spare = new Set(report.spares.map(({name}) => name));
  const shards = [...new Set(report.servers.map(({shard}) => shard))];
  const rows = shards.map((shard) => {
    const addresses = report.servers.filter((server) => server.shard === shard).map(({address}) => address);
    return [
      spare.has(shard) ? style.dim(shard) : shard,
      addresses.join('  '),
      spare.has(shard) ? style.dim('spare, not in rtopo.yml') : '',
    ];
  });
  const table = columns({head: ['shard', 'servers', ''].map(style.dim), rows, indent: 2});
  const next = report.next.map((command) => `  ${style.accent(command)}`);
  return [
    `${style.good('✓')} ${plural(report.servers.length, 'server')} of ${report.server.product} ${report.server.version} on 127.0.0.1`,
    '',
    table,
    '',
    `topology  ${report.topologyFile}`,
    '',
    'Try next:',
    ...next,
    '',
  ].join('\n');
}

export function renderSandboxDown(report: SandboxDownReport, style: Style): string {
  if (!report.wasUp) return `${style.good('✓')} nothing to stop: there is no sandbox in ${report.dir}\n`;
  const killed = report.servers.filter(({outcome}) => outcome === 'killed').length;
  const gone = report.servers.filter(({outcome}) => outcome === 'gone').length;
  const notes = [killed === 0 ? '' : `${killed} had to be killed`, gone === 0 ? '' : `${gone} had ended before`].filter(
    (note) => note !== '',
  );
  const kept = report.kept.map((path) => `  left alone: ${path}\n`).join('');
  return `${style.good('✓')} ${plural(report.servers.length, 'server')} stopped${notes.length === 0 ? '' : ` (${notes.join(', ')})`}\n${kept}`;
}

export function renderSandboxDemo(report: SandboxDemoReport, style: Style): string {
  const done = report.steps.filter(({exit}) => exit === 0).length;
  if (!report.ok) return `\n${style.bad('✗')} the story broke off at step ${done + 1}\n`;
  return `\n${style.good('✓')} ${plural(done, 'step')} on real servers in ${report.seconds.toFixed(0)} s; everything is stopped and removed\n`;
}
