/** What was asked for and is the case already: running a command, or a plan, a second time changes nothing. */
import {RtopoError} from '../errors.js';
import type {LoadedTopology} from '../topology/load.js';
import {parseTopology} from '../topology/parse.js';
import type {Told} from './history.js';
import {latestOperation} from './operations.js';
import {type Change, planChange} from './plan.js';
import {type ChangeRequest, editedText} from './request.js';
import type {SavedPlan} from './saved-plan.js';
import {sideOf} from './start.js';

export interface Already {
  readonly change: Change;
  /** A sentence. */
  readonly message: string;
}

/** Null when there is something to do, or something wrong with what was asked. No operation of this topology is unfinished. */
export function alreadyAsked(source: LoadedTopology, request: ChangeRequest, dir: string): Already | null {
  if (request.to !== undefined || !saysAnything(request)) return null;
  try {
    const {text, present} = editedText(source, request);
    if (text !== source.text) return null;
    const listed = present.join(', ');
    const message =
      present.length > 0
        ? `${listed} ${present.length === 1 ? 'is' : 'are'} already part of the topology`
        : 'The topology says so already';
    return {change: unchanged(source), message: `${message}; nothing is to be done.`};
  } catch (error) {
    // A shard that is gone cannot be removed; whether it went by this very command, the last operation tells.
    const done = error instanceof RtopoError ? doneBy(source, request, dir) : null;
    return done && {change: unchanged(source), message: `Operation ${done.begin.id} did that already.`};
  }
}

function saysAnything({
  add,
  remove,
  replace = [],
  weight = [],
  rename = [],
  scheme,
  hashTag,
  placement,
}: ChangeRequest): boolean {
  const words = add.length + remove.length + replace.length + weight.length + rename.length;
  return words > 0 || [scheme, hashTag, placement].some((one) => one !== undefined);
}

function doneBy({text}: LoadedTopology, request: ChangeRequest, dir: string): Told | null {
  const told = latestOperation(dir);
  if (told === null || told.phase !== 'done' || told.begin.toText !== text) return null;
  try {
    const {fromText, file} = told.begin;
    return editedText(parseTopology(fromText, file), request).text === text ? told : null;
  } catch {
    return null;
  }
}

/** The topology is what the plan makes of it, and nothing of it is unfinished. */
export function alreadyPlanned(source: LoadedTopology, saved: SavedPlan, dir: string): Already | null {
  const told = latestOperation(dir);
  const isDone = told?.phase === 'done' && told.begin.plan === saved.hash;
  const isThere = saved.fromText !== saved.toText && source.text === saved.toText;
  if (!isDone && !isThere) return null;
  const by = isDone ? ` by operation ${told.begin.id}` : '; rtopo verify proves that every key is where it belongs';
  return {change: unchanged(source), message: `This plan is already done${by}.`};
}

function unchanged({text, path}: LoadedTopology): Change {
  const side = sideOf(text, path!);
  return planChange(side, side);
}
