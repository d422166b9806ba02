/** What a layer of the harness is: a family of faults, spread over cases that each can be repeated by their id alone. */

export type LayerName = 'kill' | 'faults' | 'proxy' | 'disk' | 'hostile' | 'replicate' | 'switchover' | 'gap' | 'roles';

/** What became of a case that found nothing wrong. */
export interface Outcome {
  /** False: the run was over before the fault came; such a case proves nothing and is not counted. */
  readonly hit: boolean;
  /** What the fault met, in a word or two: for the table of the report. */
  readonly met: string;
  /** How many checks one case stands for, where it sweeps over many positions; default 1. */
  readonly checks?: number;
}

export interface Layer {
  readonly name: LayerName;
  /** One or two sentences for the report. */
  readonly about: string;
  /** Cases of a full run. */
  readonly full: number;
  /** Ids of about so many cases, the same for the same seed. */
  plan(wanted: number, seed: number): Promise<readonly string[]>;
  /** Carries one case out. Throws when something is wrong. */
  run(id: string): Promise<Outcome>;
  /** What was measured on the way, as lines for the end of the run. */
  summary?(): readonly string[];
}

/** `count` items spread evenly over the list, the first and the last among them. */
export function spread<T>(items: readonly T[], count: number): T[] {
  if (count >= items.length) return [...items];
  if (count <= 1) return items.slice(0, Math.max(0, count));
  return Array.from({length: count}, (_, i) => items[Math.round((i * (items.length - 1)) / (count - 1))]!);
}
