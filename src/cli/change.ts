/** The flags that say what a rebalance shall do, and what they ask for. */
import {Flags} from '@oclif/core';
import {usageError} from '../errors.js';
import {type SettingsFlags, settingsFlags, settingsOf} from './settings.js';

/** The ways to say what the topology shall become. Several go together; `--to` says it all. */
export const changeFlags = {
  to: Flags.string({description: 'the topology as it shall be', helpValue: 'FILE', helpGroup: 'CHANGE'}),
  add: Flags.string({
    description:
      'add a shard; the first address is its master, further ones after commas are its replicas; may be repeated',
    helpValue: 'NAME=ADDRESS[:WEIGHT]',
    multiple: true,
    helpGroup: 'CHANGE',
  }),
  remove: Flags.string({
    description: 'remove a shard; its keys move to the others; may be repeated',
    helpValue: 'NAME',
    multiple: true,
    helpGroup: 'CHANGE',
  }),
  replace: Flags.string({
    description: 'give a shard another master, by replication; no key moves; may be repeated',
    helpValue: 'NAME=ADDRESS',
    multiple: true,
    helpGroup: 'CHANGE',
  }),
  weight: Flags.string({
    description: 'give a shard another weight; may be repeated',
    helpValue: 'NAME=WEIGHT',
    multiple: true,
    helpGroup: 'CHANGE',
  }),
  rename: Flags.string({
    description:
      'give a shard another name; clients that know it by its old one keep it as `node`, so that no key moves; may be repeated',
    helpValue: 'OLD=NEW',
    multiple: true,
    helpGroup: 'CHANGE',
  }),
  scheme: Flags.string({
    description: 'change to another scheme with its defaults; the hash tag stays, options of the old scheme go',
    helpValue: 'NAME',
    helpGroup: 'CHANGE',
  }),
  'hash-tag': Flags.string({
    description: 'the part of a key that decides: two characters, redis-cluster, or none',
    helpValue: '{}',
    helpGroup: 'CHANGE',
  }),
  placement: Flags.string({
    description: 'the whole rule as YAML, with its options',
    helpValue: "'scheme: ketama, …'",
    helpGroup: 'CHANGE',
  }),
};

/** Consents that a rebalance may need; each names whom it may hurt. `--yes` covers none of them. */
export const consentFlags = {
  'accept-volatile': Flags.string({
    description: 'this target may keep its keys in memory only; may be repeated',
    helpValue: 'ADDRESS',
    multiple: true,
    helpGroup: 'CONSENT',
  }),
  'replace-on': Flags.string({
    description: 'with --on-conflict replace: values on this server may be overwritten; may be repeated',
    helpValue: 'ADDRESS',
    multiple: true,
    helpGroup: 'CONSENT',
  }),
};

export const rebalanceFlags = {
  ...{...changeFlags, ...consentFlags, ...settingsFlags},
  via: Flags.option({
    description:
      'how joining shards come by their keys: copied one by one, or all of their only source by replication and what they do not own dropped; auto (default): whatever is cheaper',
    options: ['auto', 'copy', 'replicate'] as const,
    helpGroup: 'BEHAVIOUR',
  })(),
  estimate: Flags.option({
    description:
      'count every key before, or estimate from 10,000 of each server: conflicts are then found by the copy; auto (default): a sample where more than 200,000 keys move to servers that are empty, and all keys everywhere else and for a plan that is saved',
    options: ['auto', 'exact', 'sample'] as const,
  })(),
};

/** A saved plan says all of it. @throws RtopoError exit 64 when one of these flags stands beside --plan */
export function assertPlanAlone(flags: Readonly<Record<string, unknown>>): void {
  const given = Object.keys(rebalanceFlags).filter((name) => flags[name] !== undefined);
  if (given.length === 0) return;
  throw usageError({
    message: `--plan carries out a plan as it was saved; ${given.map((name) => `--${name}`).join(', ')} would make it another one.`,
    remedy: 'make a new plan with these flags: rtopo rebalance plan … --out plan.json',
  });
}

/** The parsed flags of `rebalanceFlags`. */
interface Typed extends SettingsFlags {
  readonly to: string | undefined;
  readonly add: string[] | undefined;
  readonly remove: string[] | undefined;
  readonly replace: string[] | undefined;
  readonly weight: string[] | undefined;
  readonly rename: string[] | undefined;
  readonly scheme: string | undefined;
  readonly 'hash-tag': string | undefined;
  readonly placement: string | undefined;
  readonly 'accept-volatile': string[] | undefined;
  readonly 'replace-on': string[] | undefined;
  readonly estimate: 'auto' | 'exact' | 'sample' | undefined;
  readonly via: 'auto' | 'copy' | 'replicate' | undefined;
}

/** What was typed, by the names that the migration has for it. */
export function requestOf(flags: Typed) {
  const {to, add = [], remove = [], replace, weight, rename, scheme, placement} = flags;
  return {
    ...{to, add, remove, replace, weight, rename, scheme, placement},
    hashTag: flags['hash-tag'],
    acceptVolatile: flags['accept-volatile'] ?? [],
    replaceOn: flags['replace-on'] ?? [],
    settings: settingsOf(flags),
    estimate: flags.estimate ?? 'auto',
    via: flags.via,
  };
}
