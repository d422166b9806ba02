/**
 * A plan as a file: written by one person, reviewed by another, carried out as it stands. It holds no key, no value and no secret; its
 * hash covers every byte of its meaning, so that what was reviewed is what runs.
 */
import {readSealed, type Sealed, type SealedKind, seal, writeSealed} from '../journal/sealed.js';
import {textSha256} from '../topology/save.js';
import type {Census, CensusCell} from './census.js';
import type {RebalancePlan} from './planning.js';
import type {Consents, Settings} from './records.js';

/** A server as the plan met it. */
export interface SavedServer {
  readonly at: string;
  readonly name: string;
  readonly runId: string;
  readonly role: string;
  readonly server: string;
  readonly version: string;
  /** Keys by database. */
  readonly keys: readonly {readonly db: number; readonly keys: number}[];
}

export interface PlanContent {
  readonly kind: 'rtopo-rebalance-plan';
  readonly version: 1;
  readonly created: string;
  /** The command that made it, and makes a new one. */
  readonly command: string;
  readonly topologyFile: string;
  readonly topologySha256: string;
  readonly fromText: string;
  readonly toText: string;
  readonly estimate: Census['method'];
  readonly settings: Settings;
  readonly consents: Consents;
  readonly servers: readonly SavedServer[];
  readonly census: {
    readonly scanned: number;
    readonly moving: number;
    readonly strays: number;
    readonly conflicts: number;
    readonly bytes: number;
    readonly matrix: readonly CensusCell[];
  };
}

export type SavedPlan = Sealed<PlanContent>;

const KIND: SealedKind = {
  kind: 'rtopo-rebalance-plan',
  version: 1,
  flag: '--out',
  command: 'rtopo rebalance plan --add delta=127.0.0.1:7003 --out plan.json',
};

export function savedPlan(
  {change, nodes, census, settings, consents}: RebalancePlan,
  made: {readonly command: string; readonly nowMs: number; readonly file: string},
): SavedPlan {
  const {scanned, moving, strays, conflicts, matrix, method} = census;
  const content: PlanContent = {
    ...{kind: 'rtopo-rebalance-plan', version: 1, created: new Date(made.nowMs).toISOString(), command: made.command},
    ...{topologyFile: made.file, topologySha256: textSha256(change.from.text)},
    ...{fromText: change.from.text, toText: change.to.text, estimate: method, settings, consents},
    servers: nodes.map(({at, name, facts}) => ({
      ...{at, name, runId: facts.runId, role: facts.role.kind, server: facts.server, version: facts.version},
      keys: facts.keyspace.map(({db, keys}) => ({db, keys})),
    })),
    census: {
      ...{scanned, moving, strays, conflicts, matrix},
      bytes: matrix.reduce((sum, {bytes}) => sum + bytes, 0),
    },
  };
  return sealed(content);
}

export const sealed = (content: PlanContent): SavedPlan => seal(content);
export const writePlan = (path: string, plan: SavedPlan): Promise<void> => writeSealed(path, plan, KIND);
export const readPlan = (path: string): Promise<SavedPlan> => readSealed<PlanContent>(path, KIND);
