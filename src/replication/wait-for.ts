/**
 * Pure: has a topology got there, and what is still missing? A wait looks at one report after another; the master's offset at its
 * beginning is the mark that every replica must reach, because a master that is written to is never caught up with for good.
 */
import {ExitCode, RtopoError} from '../errors.js';
import type {InstanceStatus, ShardStatus, StatusReport} from '../report/status.js';

export const GOALS = ['in-sync', 'healthy'] as const;
export type Goal = (typeof GOALS)[number];

export interface Missing {
  readonly shard: string;
  readonly instance: string;
  /** The end of a sentence that begins with the address of the instance. */
  readonly what: string;
  /** `unreachable`: it does not answer. `wrong`: it will not mend by itself. `converging`: it may, with time. */
  readonly kind: 'unreachable' | 'wrong' | 'converging';
}

/** Findings that time alone may end. */
const CONVERGING = new Set([
  ...['SYNCING', 'LOADING', 'FAILOVER_RUNNING', 'LINK_CONNECTING'],
  ...['LAG_ABOVE_LIMIT', 'LAG_SECONDS_ABOVE_LIMIT', 'ACK_ABOVE_LIMIT'],
]);
const LIMITS = new Set(['LAG_ABOVE_LIMIT', 'LAG_SECONDS_ABOVE_LIMIT', 'ACK_ABOVE_LIMIT']);

/** Where a master stood when the wait began, in bytes of the history of that process. */
interface Mark {
  readonly runId: string | null;
  readonly offset: number;
}

export class Wait {
  readonly #goal: Goal;
  readonly #command: string;
  /** By the name of the shard. */
  readonly #marks = new Map<string, Mark>();

  /** @param command what waits again, to be pasted */
  constructor(goal: Goal, command: string) {
    this.#goal = goal;
    this.#command = command;
  }

  /** Of a wait that goes on. */
  text(missing: readonly Missing[]): string {
    return `waiting for ${this.#goal}: ${missingText(missing)}`;
  }

  /**
   * Of one that did not get there: exit 5 when somebody does not answer, 2 when something is wrong that time does not mend, 4 when it
   * is only late.
   */
  failure(missing: readonly Missing[], afterMs: number): RtopoError {
    const has = (kind: Missing['kind']): boolean => missing.some((one) => one.kind === kind);
    const exit = has('unreachable') ? ExitCode.unreachable : has('wrong') ? ExitCode.attention : ExitCode.incomplete;
    return new RtopoError({
      code: 'NOT_REACHED',
      exit,
      message: `Not ${this.#goal} after ${afterMs / 1000} s: ${missingText(missing)}.`,
      remedy: exit === ExitCode.incomplete ? this.#command : 'rtopo status says why, and what mends it',
      details: {goal: this.#goal, missing},
    });
  }

  /** What this report still lacks; empty when the goal is reached. */
  look(report: StatusReport): readonly Missing[] {
    if (this.#goal === 'healthy') return unhealthy(report);
    return [...report.shards.flatMap((shard) => this.#lookAt(shard)), ...overLimits(report)];
  }

  #lookAt(shard: ShardStatus): Missing[] {
    const master = shard.instances.find(({expectedOf}) => expectedOf === undefined);
    if (master === undefined) return [];
    const missing = (instance: InstanceStatus, kind: Missing['kind'], what: string): Missing[] => [
      {shard: shard.name, instance: instance.address, kind, what},
    ];
    if (!master.reachable) return missing(master, 'unreachable', 'does not answer');
    if (master.role !== 'master' || master.offset === null) return missing(master, 'wrong', 'is not the master');
    const mark = this.#markOf(shard.name, {runId: master.runId, offset: master.offset});
    return shard.instances
      .filter((instance) => instance !== master)
      .flatMap((replica) => lacks(replica, mark).flatMap(({kind, what}) => missing(replica, kind, what)));
  }

  /** The first one seen, unless the history has begun anew since: by another process, or with an offset that went back. */
  #markOf(shard: string, now: Mark): number {
    const known = this.#marks.get(shard);
    if (known !== undefined && known.runId === now.runId && now.offset >= known.offset) return known.offset;
    this.#marks.set(shard, now);
    return now.offset;
  }
}

function lacks(replica: InstanceStatus, mark: number): Pick<Missing, 'kind' | 'what'>[] {
  const {reachable, role, of, expectedOf, link = null, lagBytes = null, offset, sync, problems} = replica;
  if (!reachable) return [{kind: 'unreachable', what: 'does not answer'}];
  if (role !== 'replica') return [{kind: 'wrong', what: 'is not a replica'}];
  if (of !== expectedOf) return [{kind: 'wrong', what: `follows ${of ?? 'nobody'}, not ${expectedOf}`}];
  if (link === 'syncing') {
    const percent = sync?.percent == null ? '' : ` ${Math.round(sync.percent)} %`;
    return [{kind: 'converging', what: `is being filled (${sync?.phase ?? 'syncing'}${percent})`}];
  }
  if (link === 'connecting') return [{kind: 'converging', what: 'is still connecting'}];
  if (link !== 'up') return [{kind: 'wrong', what: 'has no link'}];
  if (lagBytes === null || problems.includes('LINEAGE_MISMATCH'))
    return [{kind: 'wrong', what: 'has another history than its master'}];
  if (offset === null) return [{kind: 'wrong', what: 'does not say how far it is'}];
  if (offset < mark) return [{kind: 'converging', what: `lacks ${(mark - offset).toLocaleString('en-US')} bytes`}];
  return [];
}

function unhealthy({shards, problems}: StatusReport): Missing[] {
  const instances = new Map(shards.flatMap((shard) => shard.instances.map((one) => [one.address, one] as const)));
  return problems
    .filter(({severity}) => severity === 'critical')
    .map(({shard, instance, code}): Missing => {
      const one = instances.get(instance);
      if (one?.reachable === false) return {shard, instance, kind: 'unreachable', what: `does not answer (${code})`};
      const moves = CONVERGING.has(code) || one?.link === 'syncing' || one?.link === 'connecting';
      return {shard, instance, kind: moves ? 'converging' : 'wrong', what: `has ${code}`};
    });
}

/** Who names limits wants them kept when the wait is over. */
function overLimits({problems}: StatusReport): Missing[] {
  return problems
    .filter(({code}) => LIMITS.has(code))
    .map(({shard, instance, code}) => ({shard, instance, kind: 'converging', what: `has ${code}`}));
}

/** Missing instances named in a message; the report itself names all. */
const MOST_NAMED = 5;

/** `10.0.0.2:6379 lacks 212 bytes; …`, each instance once with the first thing that it lacks. */
function missingText(missing: readonly Missing[]): string {
  const first = new Map<string, string>();
  for (const {instance, what} of missing) if (!first.has(instance)) first.set(instance, what);
  const all = [...first].map(([instance, what]) => `${instance} ${what}`);
  const more = all.length > MOST_NAMED ? [`and ${all.length - MOST_NAMED} more`] : [];
  return [...all.slice(0, MOST_NAMED), ...more].join('; ');
}
