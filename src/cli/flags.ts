/** Flags that several commands share, with the units that people type. */
import {Flags} from '@oclif/core';
import {shellWord, usageError} from '../errors.js';

const UNITS_MS: Readonly<Record<string, number>> = {ms: 1, s: 1000, m: 60_000, h: 3_600_000};

/** `500ms`, `5s`, `2m`, `1h` as milliseconds. A bare number is refused: nobody agrees on its unit. */
export function parseDuration(text: string): number {
  const match = /^(\d{1,9})(ms|s|m|h)$/.exec(text);
  const ms = match ? Number(match[1]) * UNITS_MS[match[2]!]! : 0;
  // Timers hold 31 bits.
  if (ms > 0 && ms <= 2 ** 31 - 1) return ms;
  throw usageError({
    message: `'${text}' is not a duration above zero.`,
    remedy: 'write a number and a unit: 500ms, 5s, 2m, 1h',
  });
}

export const duration = Flags.custom<number>({parse: async (text) => parseDuration(text)});

/** For commands that change something. It never covers the loss of data. */
export const yes = Flags.boolean({
  char: 'y',
  description: 'do not ask; required where there is no terminal (never covers loss of data)',
});

export const dryRun = Flags.boolean({
  description:
    'check everything against the live servers, print the plan, change nothing (exit 2: changes are pending)',
});

export const stateDir = Flags.string({
  description: 'where journals and locks live (default $XDG_STATE_HOME/rtopo, ~/.local/state/rtopo; or RTOPO_STATE)',
  helpValue: 'DIR',
  helpGroup: 'GLOBAL',
});

/** The flags that a printed command must repeat, wherever the topology file and the state are: with a space in front, or nothing. */
export function repeatedFlags(flags: {
  readonly topology?: string | undefined;
  readonly 'state-dir'?: string | undefined;
}): string {
  const {topology, 'state-dir': state} = flags;
  const words = [
    ...(topology === undefined ? [] : ['--topology', topology]),
    ...(state === undefined ? [] : ['--state-dir', state]),
  ];
  return words.map((word) => ` ${shellWord(word)}`).join('');
}

const UNITS_BYTES: Readonly<Record<string, number>> = {
  ...{'': 1, b: 1},
  ...{k: 1000, kb: 1024, m: 1000 ** 2, mb: 1024 ** 2, g: 1000 ** 3, gb: 1024 ** 3},
};

/** `512kb`, `10mb`, `1gb` as bytes, with the units of redis.conf: `1k` is 1000, `1kb` is 1024, a bare number is bytes. */
export function parseSize(text: string): number {
  const match = /^(\d{1,15})(|b|kb?|mb?|gb?)$/i.exec(text);
  const size = match ? Number(match[1]) * UNITS_BYTES[match[2]!.toLowerCase()]! : 0;
  if (size > 0 && size <= Number.MAX_SAFE_INTEGER) return size;
  throw usageError({
    message: `'${text}' is not a size above zero.`,
    remedy: 'write a whole number and a unit as in redis.conf: 512kb, 10mb, 1gb (1k is 1000, 1kb is 1024)',
  });
}

export const size = Flags.custom<number>({parse: async (text) => parseSize(text)});
