/** Flags that several commands share, with the units that people type. */
import {Flags} from '@oclif/core';
import {usageError} from '../errors.js';

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

/** The ways to say what the topology shall become, and the consent that a rebalance may need. */
export const changeFlags = {
  to: Flags.string({
    description: 'the topology as it shall be',
    helpValue: 'FILE',
    exclusive: ['add', 'remove', 'replace'],
  }),
  add: Flags.string({
    description:
      'add a shard; the first address is its master, further ones after commas are its replicas; may be repeated',
    helpValue: 'NAME=ADDRESS[:WEIGHT]',
    multiple: true,
  }),
  remove: Flags.string({
    description: 'remove a shard; its keys move to the others; may be repeated',
    helpValue: 'NAME',
    multiple: true,
  }),
  replace: Flags.string({
    description: 'give a shard another master, by replication; no key moves; may be repeated',
    helpValue: 'NAME=ADDRESS',
    multiple: true,
  }),
  'accept-volatile': Flags.string({
    description: 'this target may keep its keys in memory only; may be repeated',
    helpValue: 'ADDRESS',
    multiple: true,
  }),
};
