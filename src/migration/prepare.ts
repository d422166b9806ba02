/** Everything before the question "Move these keys?", and what happens after a yes. */
import type {RtopoError} from '../errors.js';
import {stateRoot, topologyStateDir} from '../journal/state.js';
import type {RebalanceReport} from '../report/rebalance.js';
import {parseAddress} from '../topology/address.js';
import type {LoadedTopology} from '../topology/load.js';
import {addressText} from '../topology/types.js';
import {refuseUnfinished} from './history.js';
import type {Operation} from './operation.js';
import type {Change} from './plan.js';
import {refusalOf} from './preflight.js';
import {carryOut, planReport} from './rebalance.js';
import {type Consents, DEFAULT_SETTINGS, type Settings} from './records.js';
import {reopened} from './recover.js';
import {beginReplacing, planReplacing, replacePlanReport} from './replacing.js';
import {type ChangeRequest, requestedChange} from './request.js';
import {openOperation, planRebalance} from './start.js';

export interface RebalanceRequest extends ChangeRequest {
  readonly acceptVolatile: readonly string[];
  readonly settings?: Partial<Settings>;
}

export interface PrepareOptions {
  readonly timeoutMs: number;
  readonly stateDir: string | undefined;
  /** Flags that a command printed for the operation needs too. */
  readonly again: string;
}

export interface Prepared {
  readonly plan: RebalanceReport;
  readonly warnings: readonly string[];
  /** All reasons not to start, as one; null when there is none. */
  readonly refusal: RtopoError | null;
  /** False when neither a key moves nor the topology file changes. */
  readonly changesAnything: boolean;
  run(options: RunHooks): Promise<RebalanceReport>;
}

export interface RunHooks extends Pick<Operation, 'onProgress' | 'interrupted'> {
  readonly prune: boolean;
}

/** @throws RtopoError exit 3 while another operation of this topology is unfinished */
export async function prepareRebalance(
  source: LoadedTopology,
  request: RebalanceRequest,
  options: PrepareOptions,
): Promise<Prepared> {
  const {change, file} = await requestedChange(source, request);
  const stateDir = topologyStateDir(stateRoot(options.stateDir, process.env), file);
  refuseUnfinished(stateDir, options.again);
  const consents = {
    acceptVolatile: request.acceptVolatile.map((text) => addressText(parseAddress(text, '--accept-volatile'))),
  };
  if (change.replacements.length > 0) return prepareReplacing(change, {file, stateDir, consents, request, options});
  const plan = await planRebalance(change, {consents, timeoutMs: options.timeoutMs});
  return {
    plan: planReport(plan, file),
    warnings: change.to.placement.warnings,
    refusal: plan.objections.length === 0 ? null : refusalOf(plan.objections),
    changesAnything: plan.census.moving > 0 || change.from.text !== change.to.text,
    async run({prune, onProgress, interrupted}) {
      const {timeoutMs, again} = options;
      const hooks = {onProgress, interrupted, stateDir, timeoutMs, again};
      const settings = {...DEFAULT_SETTINGS, ...request.settings};
      const operation = await openOperation(plan, {file, consents, settings}, hooks);
      return carryOut(operation, {phase: 'planned', prune, sameServers: true, leftovers: false, writers: 'unknown'});
    },
  };
}

interface Found {
  readonly file: string;
  readonly stateDir: string;
  readonly consents: Consents;
  readonly request: RebalanceRequest;
  readonly options: PrepareOptions;
}

/** Masters are replaced first. From then on it is an operation like any other that has begun. */
async function prepareReplacing(
  change: Change,
  {file, stateDir, consents, request, options}: Found,
): Promise<Prepared> {
  const {timeoutMs, again} = options;
  const plan = await planReplacing(change, {consents, timeoutMs});
  return {
    plan: replacePlanReport(plan, file),
    warnings: [...change.to.placement.warnings, ...plan.warnings],
    refusal: plan.objections.length === 0 ? null : refusalOf(plan.objections),
    changesAnything: true,
    async run({prune, onProgress, interrupted}) {
      const hooks = {onProgress, interrupted, stateDir, timeoutMs, again};
      const settings = {...DEFAULT_SETTINGS, ...request.settings};
      return reopened(await beginReplacing(plan, {file, consents, settings}, hooks), hooks, prune);
    },
  };
}
