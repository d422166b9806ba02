/** Everything before the question "Move these keys?", and what happens after a yes. */
import type {RtopoError} from '../errors.js';
import {stateRoot, topologyStateDir} from '../journal/state.js';
import type {RebalanceReport} from '../report/rebalance.js';
import {parseAddress} from '../topology/address.js';
import type {LoadedTopology} from '../topology/load.js';
import {addressText} from '../topology/types.js';
import type {Census} from './census.js';
import {refuseUnfinished} from './history.js';
import type {Operation} from './operation.js';
import {planRebalance} from './planning.js';
import {refusalOf} from './preflight.js';
import {carryOut, planReport} from './rebalance.js';
import {DEFAULT_SETTINGS, type Settings} from './records.js';
import {type ChangeRequest, requestedChange} from './request.js';
import {FRESH, type RunOptions} from './run.js';
import {openOperation} from './start.js';

export interface RebalanceRequest extends ChangeRequest {
  readonly acceptVolatile: readonly string[];
  readonly replaceOn?: readonly string[];
  readonly settings?: Partial<Settings>;
  /** Every key is read (default), or a sample. */
  readonly estimate?: Census['method'] | undefined;
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
  readonly stopAfter: RunOptions['stopAfter'];
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
  const named = (flag: string, texts: readonly string[] = []): string[] =>
    texts.map((text) => addressText(parseAddress(text, flag)));
  const consents = {
    acceptVolatile: named('--accept-volatile', request.acceptVolatile),
    replaceOn: named('--replace-on', request.replaceOn),
  };
  const settings = {...DEFAULT_SETTINGS, ...request.settings};
  const plan = await planRebalance(change, {
    consents,
    settings,
    estimate: request.estimate ?? 'exact',
    timeoutMs: options.timeoutMs,
  });
  return {
    plan: planReport(plan, file),
    warnings: plan.warnings,
    refusal: plan.objections.length === 0 ? null : refusalOf(plan.objections),
    changesAnything: plan.census.moving > 0 || change.from.text !== change.to.text,
    async run({stopAfter, onProgress, interrupted}) {
      const {timeoutMs, again} = options;
      const hooks = {onProgress, interrupted, stateDir, timeoutMs, again};
      const operation = await openOperation(plan, {file, consents, settings}, hooks);
      return carryOut(operation, {phase: 'planned', stopAfter, sameServers: true, told: FRESH});
    },
  };
}
