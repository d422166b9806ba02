/** The flags of `replicate`. */
import {Flags} from '@oclif/core';
import {usageError} from '../errors.js';
import {dryRun, yes} from './flags.js';

export const replicateFlags = {
  master: Flags.string({description: 'without a file: the master', helpValue: 'ADDRESS', dependsOn: ['replica']}),
  replica: Flags.string({
    description: 'without a file: a replica of it; may be repeated',
    helpValue: 'ADDRESS',
    multiple: true,
    dependsOn: ['master'],
    exclusive: ['topology'],
  }),
  'discard-data': Flags.string({
    description: 'this instance may lose the keys it holds; may be repeated',
    helpValue: 'ADDRESS',
    multiple: true,
  }),
  'parallel-syncs': Flags.integer({
    description: 'full synchronisations that one parent gives at a time, and four times as many in all (default 4)',
    helpValue: 'N',
    min: 1,
    max: 1000,
  }),
  'plan-out': Flags.string({
    description: 'save the plan for a review and change nothing',
    helpValue: 'FILE',
    exclusive: ['apply-plan'],
  }),
  'apply-plan': Flags.string({
    description: 'carry out a saved plan, with its consents, or refuse it with the fact that has changed since',
    helpValue: 'FILE',
  }),
  'dry-run': dryRun,
  yes,
};

/** The consents of a saved plan are part of what was reviewed. @throws RtopoError exit 64 */
export function assertConsentsAlone(flags: {
  readonly 'apply-plan': string | undefined;
  readonly 'discard-data': readonly string[] | undefined;
}): void {
  if (flags['apply-plan'] === undefined || flags['discard-data'] === undefined) return;
  throw usageError({
    message: '--apply-plan carries out a plan as it was saved; --discard-data would make it another one.',
    remedy: 'make a new plan: rtopo replicate --discard-data ADDRESS --plan-out plan.json',
  });
}
