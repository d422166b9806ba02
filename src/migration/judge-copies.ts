/** Pure: reasons not to start that lie in copies of one name, and in copies that are not where they belong. */
import type {Census} from './census.js';
import type {Conflict} from './conflicts.js';
import type {Node} from './nodes.js';
import type {Objection} from './preflight.js';
import type {Consents, Settings} from './records.js';

/** Names that two servers hold with different values, by what was said about them. */
export function judgeConflicts(
  census: Census,
  {settings, consents}: {readonly settings: Pick<Settings, 'onConflict'>; readonly consents: Consents},
): Objection[] {
  const of = (kind: Conflict['kind'], at?: string): readonly Conflict[] =>
    census.conflictExamples.filter((one) => one.kind === kind && (at === undefined || one.target === at));
  const occupied = census.conflicts - census.rivals;
  const rivals = census.rivals === 0 ? [] : [conflictObjection(census.rivals, of('rival'), RIVALS)];
  switch (settings.onConflict) {
    case 'skip':
      return rivals;
    case 'fail':
      return [...rivals, ...(occupied === 0 ? [] : [conflictObjection(occupied, of('occupied'), OCCUPIED)])];
    case 'replace':
      return [
        ...rivals,
        ...census.conflictsAt
          .filter(({at}) => !consents.replaceOn?.includes(at))
          .map(({at, keys}) => replaceObjection(at, keys, of('occupied', at))),
      ];
  }
}

const OCCUPIED = {
  fate: 'rtopo does not choose between them.',
  way: 'or leave the values at their sources and move the rest: --on-conflict skip',
};
const RIVALS = {
  fate: 'Both copies would go to one server, and rtopo does not choose between them.',
  way: 'or leave copies where they do not belong: --strays keep',
};

function conflictObjection(
  keys: number,
  examples: readonly Conflict[],
  {fate, way}: {readonly fate: string; readonly way: string},
): Objection {
  const first = examples[0];
  const where = first === undefined ? '' : ` (for example ${namesOf(examples)} on ${first.source} and ${first.target})`;
  const example = first === undefined ? '' : `, for example: redis-cli ${dialled(first.source)} -n ${first.db}`;
  const one = keys === 1 ? '1 key is' : `${keys} keys are`;
  return {
    code: 'CONFLICT',
    at: first?.target ?? '',
    message: `${one} on two servers with different values${where}. ${fate}`,
    consent: null,
    remedy: `look at both values and delete the wrong one${example}; ${way}`,
  };
}

function replaceObjection(at: string, keys: number, examples: readonly Conflict[]): Objection {
  const consent = `--replace-on ${at}`;
  const named = examples.length === 0 ? '' : ` (for example ${namesOf(examples)})`;
  return {
    code: 'REPLACE_NEEDS_CONSENT',
    at,
    message: `${keys} ${keys === 1 ? 'value' : 'values'} on ${at} would be overwritten by another one${named}; --yes does not cover that.`,
    consent,
    remedy: `add ${consent}`,
  };
}

const namesOf = (examples: readonly Conflict[]): string =>
  examples
    .slice(0, 5)
    .map(({key}) => key)
    .join(', ');

/** `-h host -p port`, for a command to paste. */
const dialled = (at: string): string => `-h ${at.replace(/:(\d+)$/, ' -p $1').replace(/[[\]]/g, '')}`;

/** Keys where the present placement does not put them. */
export function judgeStrays(census: Census, nodes: readonly Node[], strays: Settings['strays']): Objection[] {
  const [first] = census.strayExamples;
  if (census.strays === 0 || strays === 'move') return [];
  const names = census.strayExamples
    .slice(0, 5)
    .map(({key, at}) => `${key} on ${at}`)
    .join(', ');
  const found = `${census.strays} ${census.strays === 1 ? 'key is' : 'keys are'} not where the present placement puts them (for example ${names})`;
  if (strays === 'fail') {
    return [
      {
        code: 'STRAYS',
        at: first?.at ?? '',
        message: `${found}.`,
        consent: null,
        remedy: 'move them to their owners: --strays move; leave them where they are: --strays keep',
      },
    ];
  }
  // Whoever leaves takes along what is kept on it.
  const leaving = nodes.find(({at, inTo}) => !inTo && census.straysAt.some((one) => one.at === at));
  if (leaving === undefined) return [];
  return [
    {
      code: 'STRAYS_LEFT_BEHIND',
      at: leaving.at,
      message: `${found}, and ${leaving.at} (shard ${leaving.name}) leaves: nobody would find there what is kept.`,
      consent: null,
      remedy: 'move them to their owners: --strays move',
    },
  ];
}
