/** How a rebalance shall behave: its flags, and what they set. */
import {Flags} from '@oclif/core';
import {duration, size} from './flags.js';

const helpGroup = 'BEHAVIOUR';

export const settingsFlags = {
  'on-conflict': Flags.option({
    description:
      'a name that two servers hold with different values: refuse to start (default), leave it at its source, or overwrite the target (needs --replace-on)',
    options: ['fail', 'skip', 'replace'] as const,
    helpGroup,
  })(),
  strays: Flags.option({
    description:
      'keys that the present placement puts elsewhere: moved to their owner (default), left where they are, or a reason not to start',
    options: ['move', 'keep', 'fail'] as const,
    helpGroup,
  })(),
  writers: Flags.option({
    description:
      'when somebody writes to the sources meanwhile: stop before the cutover (default), or copy what was touched again',
    options: ['fail', 'recopy'] as const,
    helpGroup,
  })(),
  fence: Flags.option({
    description:
      'hold writes off from the copy to the cutover: by CLIENT PAUSE, by min-replicas-to-write, or not (default)',
    options: ['none', 'pause', 'min-replicas'] as const,
    helpGroup,
  })(),
  'max-keys-per-second': Flags.integer({
    description: 'limit over all servers together (default: none)',
    helpValue: 'N',
    min: 1,
    helpGroup,
  }),
  'max-bytes-per-second': size({
    description: 'limit over all servers together (default: none)',
    helpValue: '10mb',
    helpGroup,
  }),
  'max-latency': duration({
    description: 'batches shrink while other clients would wait longer (default 5ms)',
    helpValue: '5ms',
    helpGroup,
  }),
  'big-key': size({
    description: 'values above this size are copied in pieces (default 8mb)',
    helpValue: '8mb',
    helpGroup,
  }),
  'read-from': Flags.option({
    description: 'read the sources at their masters (default), or at a replica that has caught up',
    options: ['master', 'replica'] as const,
    helpGroup,
  })(),
  functions: Flags.option({
    description: 'function libraries that a target lacks: only told (default), or copied',
    options: ['tell', 'copy'] as const,
    helpGroup,
  })(),
};

/** The parsed flags, as oclif hands them over; absent ones are undefined. */
export interface SettingsFlags {
  readonly 'on-conflict'?: 'fail' | 'skip' | 'replace' | undefined;
  readonly strays?: 'move' | 'keep' | 'fail' | undefined;
  readonly writers?: 'fail' | 'recopy' | undefined;
  readonly fence?: 'none' | 'pause' | 'min-replicas' | undefined;
  readonly 'max-keys-per-second'?: number | undefined;
  readonly 'max-bytes-per-second'?: number | undefined;
  readonly 'max-latency'?: number | undefined;
  readonly 'big-key'?: number | undefined;
  readonly 'read-from'?: 'master' | 'replica' | undefined;
  readonly functions?: 'tell' | 'copy' | undefined;
}

/** What was said, by the names of the settings; the rest is as it comes. */
export function settingsOf(flags: SettingsFlags) {
  const said = {
    onConflict: flags['on-conflict'],
    strays: flags.strays,
    writers: flags.writers,
    fence: flags.fence,
    maxKeysPerSecond: flags['max-keys-per-second'],
    maxBytesPerSecond: flags['max-bytes-per-second'],
    maxLatencyMs: flags['max-latency'],
    bigKeyBytes: flags['big-key'],
    readFrom: flags['read-from'],
    functions: flags.functions,
  };
  return defined(said);
}

function defined<T extends object>(values: T): {[K in keyof T]?: Exclude<T[K], undefined>} {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}
