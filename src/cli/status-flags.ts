/** The flags of `rtopo status`, and what they ask for. */
import {Flags} from '@oclif/core';
import {STATUS_FORMATS, type StatusFormat} from '../render/status-formats.js';
import type {StatusLimits} from '../report/limits.js';
import {duration, parseDuration, size} from './flags.js';

const WATCH_INTERVAL = '2s';

/** `5`, `0.5`, or with a unit as other durations: seconds. */
function parseSeconds(text: string): number {
  if (!/^\d{1,9}(\.\d{1,3})?$/.test(text)) return parseDuration(text) / 1000;
  return Number(text);
}

export const statusFlags = {
  watch: duration({
    description: `ask again and again: --watch (every ${WATCH_INTERVAL}), --watch 5s or --watch=5s`,
    helpValue: `[${WATCH_INTERVAL}]`,
    exclusive: ['wait-for'],
    helpGroup: 'AGAIN',
  }),
  count: Flags.integer({
    description: 'with --watch: end after so many samples, with the exit code of the last',
    helpValue: 'N',
    min: 1,
    dependsOn: ['watch'],
    helpGroup: 'AGAIN',
  }),
  'wait-for': Flags.option({
    description:
      'ask until it is so, or --timeout is over (default 60s). in-sync: every replica has its link and history, and all that its master had when the wait began. healthy: no finding is critical',
    options: ['in-sync', 'healthy'] as const,
    helpGroup: 'AGAIN',
  })(),
  'max-lag': size({
    description: 'a replica that lacks more bytes is critical, and so is one of which that is unknown',
    helpValue: '1mb',
    helpGroup: 'LIMITS',
  }),
  'max-lag-seconds': Flags.custom<number>({parse: async (text) => parseSeconds(text)})({
    description: 'the same in seconds, by the rate at which the master writes',
    helpValue: '5',
    helpGroup: 'LIMITS',
  }),
  'max-ack': duration({
    description: 'a replica whose last acknowledgement is older, or unknown, is critical',
    helpValue: '10s',
    helpGroup: 'LIMITS',
  }),
  format: Flags.option({
    char: 'f',
    description:
      'tree (default); table: a line per instance, for grep; json: as --json; prometheus: text exposition; nagios: one line, with the exit codes of its plugin API (0 ok, 1 warning, 2 critical, 3 unknown); github: workflow commands, and a page in $GITHUB_STEP_SUMMARY',
    options: STATUS_FORMATS,
    helpGroup: 'OUTPUT',
  })(),
  'prom-file': Flags.string({
    description: 'also write the metrics to this file, whole or not at all',
    helpValue: 'FILE',
    helpGroup: 'OUTPUT',
  }),
};

/** The parsed flags of `statusFlags`, and those of every command that matter here. */
export interface StatusFlags {
  readonly watch: number | undefined;
  readonly count: number | undefined;
  readonly 'wait-for': 'in-sync' | 'healthy' | undefined;
  readonly 'max-lag': number | undefined;
  readonly 'max-lag-seconds': number | undefined;
  readonly 'max-ack': number | undefined;
  readonly format: StatusFormat | undefined;
  readonly 'prom-file': string | undefined;
  readonly timeout?: number | undefined;
}

export function limitsOf(flags: StatusFlags): StatusLimits {
  const ackMs = flags['max-ack'];
  return {
    maxLagBytes: flags['max-lag'] ?? null,
    maxLagSeconds: flags['max-lag-seconds'] ?? null,
    maxAckSeconds: ackMs === undefined ? null : ackMs / 1000,
  };
}

/** Flags of oclif always have a value. A --watch without one gets its own, so that both forms work. */
export function withWatchInterval(argv: readonly string[]): string[] {
  return argv.flatMap((word, i) => {
    if (word !== '--watch') return [word];
    const next = argv[i + 1];
    return next !== undefined && /^\d/.test(next) ? [word] : [`--watch=${WATCH_INTERVAL}`];
  });
}

/** Of `--format X`, `--format=X`, `-f X` or `-fX`, also where the rest of the command line cannot be parsed. */
export function formatIn(argv: readonly string[]): string | null {
  for (const [i, word] of argv.entries()) {
    if (word === '--') return null;
    if (word === '--format' || word === '-f') return argv[i + 1] ?? null;
    const value = /^(?:--format=|-f=?)(.+)$/.exec(word)?.[1];
    if (value !== undefined) return value;
  }
  return null;
}
