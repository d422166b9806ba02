/** Everything before the question "Move these keys?", and what happens after a yes. */
import {relative} from 'node:path';
import {type RtopoError, usageError} from '../errors.js';
import {stateRoot, topologyStateDir} from '../journal/state.js';
import type {RebalanceReport} from '../report/rebalance.js';
import {parseAddress} from '../topology/address.js';
import type {LoadedTopology} from '../topology/load.js';
import {textSha256} from '../topology/save.js';
import {addressText} from '../topology/types.js';
import {type Already, alreadyAsked, alreadyPlanned} from './already.js';
import {concernsSingleKeys, type Estimating} from './estimate.js';
import type {Operation} from './operation.js';
import {refuseUnfinished} from './operations.js';
import {planChange} from './plan.js';
import type {RebalancePlan} from './planning.js';
import {refusalOf} from './preflight.js';
import {carryOut} from './rebalance.js';
import {DEFAULT_SETTINGS, type Settings} from './records.js';
import {reopened} from './recover.js';
import {planReplacing} from './replace-planning.js';
import {beginReplacing} from './replacing.js';
import {nothingReport, planReport} from './reports.js';
import {type ChangeRequest, requestedChange} from './request.js';
import {FRESH, type RunOptions} from './run.js';
import {readPlan, type SavedPlan, savedPlan, writePlan} from './saved-plan.js';
import type {Wanted} from './split.js';
import {planStale, staleCensus, staleServers, staleTopology} from './stale.js';
import {openOperation, sideOf} from './start.js';

export interface RebalanceRequest extends ChangeRequest {
  readonly acceptVolatile: readonly string[];
  readonly replaceOn?: readonly string[];
  readonly settings?: Partial<Settings>;
  /** Every key is read (default), or a sample, or whatever tells enough. */
  readonly estimate?: Estimating | undefined;
  /** How joining shards shall come by their keys; default: whatever is cheaper. */
  readonly via?: Wanted | undefined;
}

export interface PrepareOptions {
  readonly timeoutMs: number;
  readonly stateDir: string | undefined;
  /** Flags that a command printed for the operation needs too. */
  readonly again: string;
  readonly onCounting?: ((keys: number, totalKeys: number) => void) | undefined;
}

export interface Prepared {
  readonly plan: RebalanceReport;
  readonly warnings: readonly string[];
  /** All reasons not to start, as one; null when there is none. */
  readonly refusal: RtopoError | null;
  /** False when neither a key moves nor the topology file changes. */
  readonly changesAnything: boolean;
  run(options: RunHooks): Promise<RebalanceReport>;
  /** Writes the plan to a file; the report tells of it. `command` is what makes a new one. */
  save(path: string, command: string): Promise<RebalanceReport>;
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
  const {stateDir, file} = whereabouts(source, options);
  const already = alreadyAsked(source, request, stateDir);
  if (already !== null) return nothing(already, file);
  const {change} = await requestedChange(source, request);
  const consents = {
    acceptVolatile: named('--accept-volatile', request.acceptVolatile),
    replaceOn: named('--replace-on', request.replaceOn),
  };
  const settings = {...DEFAULT_SETTINGS, ...request.settings};
  const {timeoutMs, onCounting} = options;
  const estimate = request.estimate ?? 'exact';
  if (estimate === 'sample') assertForAll(settings);
  const plan = await planReplacing(change, {consents, settings, estimate, via: request.via, timeoutMs, onCounting});
  return prepared(plan, {file, stateDir, options, saved: null});
}

/** A saved plan, exactly as it is. @throws RtopoError exit 3 `PLAN_STALE`, which names every fact that has changed */
export async function prepareSaved(source: LoadedTopology, path: string, options: PrepareOptions): Promise<Prepared> {
  const saved = await readPlan(path);
  const {stateDir, file} = whereabouts(source, options);
  const already = alreadyPlanned(source, saved, stateDir);
  if (already !== null) return nothing(already, file);
  const stale = staleTopology(saved, textSha256(source.text));
  if (stale.length > 0) throw planStale(saved, stale);
  const change = planChange(sideOf(saved.fromText, file), sideOf(saved.toText, file));
  const {consents, settings, estimate} = saved;
  const {timeoutMs, onCounting} = options;
  const plan = await planReplacing(change, {
    ...{consents, settings, estimate, via: settings.via, timeoutMs, onCounting},
    onServers: (nodes) => {
      const facts = staleServers(saved, nodes);
      if (facts.length > 0) throw planStale(saved, facts);
    },
  });
  const moved = plan.objections.length > 0 ? [] : staleCensus(saved, plan.census);
  if (moved.length > 0) throw planStale(saved, moved);
  return prepared(plan, {file, stateDir, options, saved: {plan: saved, path}});
}

/** What concerns single keys cannot be decided by looking at some of them. */
function assertForAll(settings: Settings): void {
  const flag = concernsSingleKeys(settings);
  if (flag === null) return;
  throw usageError({
    message: `${flag} needs to know every key that it concerns, and a sample knows some of them.`,
    remedy: `count all keys: ${flag} --estimate exact`,
  });
}

function whereabouts({path}: LoadedTopology, {stateDir, again}: PrepareOptions): {file: string; stateDir: string} {
  if (path === null) {
    throw usageError({
      message: 'The topology came from standard input, and a rebalance ends by rewriting the topology file.',
      remedy: 'name the file with --topology FILE',
    });
  }
  const dir = topologyStateDir(stateRoot(stateDir, process.env), path);
  refuseUnfinished(dir, again);
  return {file: path, stateDir: dir};
}

const named = (flag: string, texts: readonly string[] = []): string[] =>
  texts.map((text) => addressText(parseAddress(text, flag)));

interface Scene {
  readonly file: string;
  readonly stateDir: string;
  readonly options: PrepareOptions;
  readonly saved: {readonly plan: SavedPlan; readonly path: string} | null;
}

function prepared(plan: RebalancePlan, scene: Scene): Prepared {
  const {file, stateDir, options, saved} = scene;
  const {consents, settings} = plan;
  return {
    plan: planReport(plan, {file, saved: saved && savedPart(saved)}),
    warnings: plan.warnings,
    refusal: plan.objections.length === 0 ? null : refusalOf(plan.objections),
    changesAnything: plan.census.moving > 0 || plan.change.from.text !== plan.change.to.text,
    async run({stopAfter, onProgress, interrupted}) {
      const {timeoutMs, again} = options;
      const hooks = {onProgress, interrupted, stateDir, timeoutMs, again};
      const target = {file, consents, settings, ...(saved === null ? {} : {plan: saved.plan.hash})};
      if (plan.change.replacements.length > 0)
        return reopened(await beginReplacing(plan, target, hooks), hooks, stopAfter);
      const operation = await openOperation(plan, target, hooks);
      return carryOut(operation, {phase: 'planned', stopAfter, sameServers: true, told: FRESH});
    },
    async save(path, command) {
      const shown = relative(process.cwd(), file);
      const written = savedPlan(plan, {command, nowMs: Date.now(), file: shown.startsWith('..') ? file : shown});
      await writePlan(path, written);
      return planReport(plan, {file, saved: savedPart({plan: written, path})});
    },
  };
}

function savedPart({plan, path}: NonNullable<Scene['saved']>) {
  const {hash, created, census} = plan;
  return {file: path, hash, created, keysThen: census.scanned};
}

function nothing({change, message}: Already, file: string): Prepared {
  const plan = nothingReport(change, {file, already: message});
  const run = async (): Promise<RebalanceReport> => plan;
  return {plan, warnings: [], refusal: null, changesAnything: false, run, save: run};
}
