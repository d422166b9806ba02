/** From a change of topology to a plan: every server asked, every key counted, every reason not to start. Changes nothing. */
import {ExitCode, RtopoError} from '../errors.js';
import {addressText} from '../topology/types.js';
import {type Advice, adviceFor} from './advice.js';
import {judgeDurability} from './barrier.js';
import type {Census} from './census.js';
import {countOrSample, type Estimating} from './estimate.js';
import {functionGaps} from './functions.js';
import {functionWarnings, judgeFence, judgeFunctions, judgeJoining, judgeMemory, judgeReplicas} from './judge.js';
import {judgeConflicts, judgeStrays} from './judge-copies.js';
import type {Node} from './nodes.js';
import type {Change} from './plan.js';
import {type Objection, preflight} from './preflight.js';
import type {Consents, Settings} from './records.js';
import type {Wanted, Way} from './split.js';

/** A plan as it is shown, saved, confirmed and run. */
export interface RebalancePlan {
  readonly change: Change;
  readonly nodes: readonly Node[];
  readonly census: Census;
  readonly objections: readonly Objection[];
  readonly settings: Settings;
  readonly consents: Consents;
  readonly warnings: readonly string[];
  readonly advice: readonly Advice[];
  /** How the keys travel, and why; absent where there is no choice. */
  readonly way?: Way;
}

export interface PlanOptions {
  readonly consents: Consents;
  readonly settings: Settings;
  readonly estimate: Estimating;
  /** How joining shards shall come by their keys; default: whatever is cheaper. */
  readonly via?: Wanted | undefined;
  readonly timeoutMs: number;
  /** Told who the servers are, before their keys are counted; may throw. */
  readonly onServers?: ((nodes: readonly Node[]) => void) | undefined;
  readonly onCounting?: ((keys: number, totalKeys: number) => void) | undefined;
}

export async function planRebalance(change: Change, options: PlanOptions): Promise<RebalancePlan> {
  const {consents, settings, estimate, timeoutMs, onCounting} = options;
  assertConsentsAreNodes(change, consents);
  const {nodes, objections} = await preflight(change, {timeoutMs, operation: null});
  options.onServers?.(nodes);
  const common = {change, nodes, settings, consents};
  // On a server that is no master or still loading a count would mean nothing.
  if (objections.length > 0) return {...common, census: emptyCensus(nodes), objections, warnings: [], advice: []};
  const census = await countOrSample(change, nodes, {estimate, settings, timeoutMs, onProgress: onCounting});
  const receiving = new Set(census.matrix.map(({to}) => to));
  const targets = nodes.filter(({name}) => receiving.has(name));
  const gaps = await functionGaps(nodes, census.matrix, timeoutMs);
  const durability = await judgeDurability({targets, consents, timeoutMs});
  return {
    ...{...common, census},
    objections: [
      ...durability,
      ...judgeJoining(nodes, census),
      ...judgeMemory(targets, census),
      ...judgeFence(nodes, census, settings.fence),
      ...judgeStrays(census, nodes, settings.strays),
      ...judgeConflicts(census, {settings, consents}),
      ...judgeReplicas(change, census, settings.readFrom),
      ...judgeFunctions(gaps, settings.functions),
    ],
    warnings: [...change.to.placement.warnings, ...functionWarnings(gaps, settings.functions), ...unmeasured(census)],
    advice: adviceFor(change, census),
  };
}

function unmeasured({unmeasured: list}: Census): string[] {
  return list.map(
    (at) => `${at} does not say how large keys are (MEMORY USAGE): sizes and the check of memory leave it out`,
  );
}

function emptyCensus(nodes: readonly Node[]): Census {
  return {
    ...{method: 'exact', scanned: 0, sampled: 0, moving: 0, movingPlusMinus: 0, matrix: []},
    ...{strays: 0, straysAt: [], strayExamples: []},
    ...{conflicts: 0, rivals: 0, conflictsAt: [], conflictExamples: [], unmeasured: []},
    loads: nodes.map(({name, at, facts}) => ({name, at, keys: facts.keys, keysAfter: facts.keys, bytesIn: 0})),
  };
}

function assertConsentsAreNodes(change: Change, {acceptVolatile, replaceOn = []}: Consents): void {
  const known = change.nodes.map(({instance}) => addressText(instance.address));
  const given = [
    ...acceptVolatile.map((at) => ({flag: '--accept-volatile', at})),
    ...replaceOn.map((at) => ({flag: '--replace-on', at})),
  ];
  const stray = given.find(({at}) => !known.includes(at));
  if (stray === undefined) return;
  throw new RtopoError({
    code: 'CONSENT_UNKNOWN',
    exit: ExitCode.usage,
    message: `${stray.flag} ${stray.at} names no server of this change.`,
    remedy: `name one of ${known.join(', ')}`,
  });
}
