/**
 * A plan as a file: written by one person, reviewed by another, carried out as it stands. It holds no key, no value and no secret; its
 * hash covers every byte of its meaning, so that what was reviewed is what runs.
 */
import {createHash} from 'node:crypto';
import {readFile, rename, unlink, writeFile} from 'node:fs/promises';
import {ExitCode, escapeText, RtopoError, refusal, usageError} from '../errors.js';
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

export interface SavedPlan extends PlanContent {
  /** SHA-256 of everything else, as canonical JSON. */
  readonly hash: string;
}

const MAX_BYTES = 16 * 1024 * 1024;

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

export function sealed(content: PlanContent): SavedPlan {
  return {...content, hash: hashOf(content)};
}

function hashOf(content: PlanContent): string {
  return createHash('sha256').update(canonical(content)).digest('hex');
}

/** JSON with sorted keys: the same value has one text, whoever formatted it. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, one]) => one !== undefined);
  const sorted = entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([key, one]) => `${JSON.stringify(key)}:${canonical(one)}`).join(',')}}`;
}

/** Replaces an older plan, and no other file. */
export async function writePlan(path: string, plan: SavedPlan): Promise<void> {
  await assertReplaceable(path);
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await writeFile(temporary, `${JSON.stringify(plan, null, 2)}\n`, {flag: 'wx'});
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw new RtopoError({
      code: 'PLAN_NOT_SAVED',
      exit: ExitCode.failed,
      message: `${escapeText(path)} could not be written (${(error as NodeJS.ErrnoException).code ?? 'unknown reason'}).`,
      remedy: 'name a file in a folder that exists and is yours: --out plan.json',
      cause: error,
    });
  }
}

async function assertReplaceable(path: string): Promise<void> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    return '';
  });
  if (text === null || text.includes('"rtopo-rebalance-plan"')) return;
  throw usageError({
    code: 'PLAN_FILE_EXISTS',
    message: `${escapeText(path)} exists and is no plan of rtopo; it is not overwritten.`,
    remedy: 'name another file: --out plan.json',
  });
}

/** @throws RtopoError exit 64 without a file, exit 3 `PLAN_DAMAGED` when it is not what rtopo wrote */
export async function readPlan(path: string): Promise<SavedPlan> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw usageError({
      code: 'PLAN_NOT_FOUND',
      message: `The plan ${escapeText(path)} cannot be read (${error.code ?? 'unknown reason'}).`,
      remedy: 'rtopo rebalance plan --add delta=127.0.0.1:7003 --out plan.json',
    });
  });
  const damaged = (why: string): RtopoError =>
    refusal({
      code: 'PLAN_DAMAGED',
      message: `${escapeText(path)} ${why}. Nothing was changed.`,
      remedy: 'make a new plan: rtopo rebalance plan … --out plan.json',
    });
  if (bytes.length > MAX_BYTES) throw damaged('is larger than any plan');
  let value: Partial<SavedPlan>;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw damaged('is not JSON: it was cut off or edited');
  }
  if (value?.kind !== 'rtopo-rebalance-plan') throw damaged('is no plan of rtopo');
  if (value.version !== 1)
    throw damaged(`was written by another version of rtopo (format ${escapeText(String(value.version))})`);
  const {hash, ...content} = value;
  if (typeof hash !== 'string' || hashOf(content as PlanContent) !== hash) {
    throw damaged('was changed since it was written: its hash does not fit. A plan is not edited but made anew');
  }
  return value as SavedPlan;
}
