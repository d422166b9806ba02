/** Runs the cases of a layer, a few at a time, and counts what came of them. */
import type {Layer, LayerName} from './layer.js';

export interface Failure {
  readonly id: string;
  /** First line of what was wrong. */
  readonly why: string;
}

export interface LayerResult {
  readonly name: LayerName;
  /** Several, after commas, where runs were added up. */
  readonly seed: number | string;
  /** Cases in which the fault came. */
  readonly cases: number;
  /** Positions checked, where one case sweeps over many. */
  readonly checks: number;
  /** Cases whose run was over before the fault came; they are not counted. */
  readonly missed: number;
  readonly failures: readonly Failure[];
  /** Cases by what the fault met. */
  readonly met: Readonly<Record<string, number>>;
  readonly seconds: number;
}

export interface CampaignOptions {
  readonly cases: number;
  readonly seed: number;
  readonly lanes: number;
  readonly say: (text: string) => void;
  /** What there is so far, about once a minute: a long run that is broken off has not been for nothing. */
  readonly onPart?: (part: LayerResult) => void;
}

const HEARTBEAT_MS = 60_000;

export async function runLayer(layer: Layer, options: CampaignOptions): Promise<LayerResult> {
  const {cases: wanted, seed, lanes, say} = options;
  const beganMs = performance.now();
  const left = [...(await layer.plan(wanted, seed))];
  const total = left.length;
  const failures: Failure[] = [];
  const met: Record<string, number> = {};
  let [cases, checks, missed, saidMs] = [0, 0, 0, performance.now()];
  // The servers of a failed case print their logs; a replay shows them, a campaign would drown in them.
  const {error: printed} = console;
  console.error = () => undefined;
  const result = (): LayerResult => {
    const seconds = (performance.now() - beganMs) / 1000;
    return {name: layer.name, seed, cases, checks, missed, failures, met, seconds};
  };
  const one = async (id: string): Promise<void> => {
    try {
      const outcome = await layer.run(id);
      if (!outcome.hit) {
        missed += 1;
        if (process.env.RTOPO_RELIABILITY_MISSES === '1') say(`not hit: ${layer.name}:${id}`);
      } else {
        cases += 1;
        checks += outcome.checks ?? 1;
        met[outcome.met] = (met[outcome.met] ?? 0) + 1;
      }
    } catch (error) {
      cases += 1;
      checks += 1;
      const why = firstLine(error);
      failures.push({id, why});
      say(
        `FAILED ${layer.name} ${id} (seed ${seed}): ${why} | replay: node test/reliability/run.mjs --replay ${layer.name}:${id}`,
      );
    }
    if (performance.now() - saidMs < HEARTBEAT_MS) return;
    saidMs = performance.now();
    say(`${layer.name}: ${cases + missed} of ${total}, ${failures.length} failed`);
    options.onPart?.(result());
  };
  await Promise.all(
    Array.from({length: Math.max(1, lanes)}, async () => {
      for (let id = left.shift(); id !== undefined; id = left.shift()) await one(id);
    }),
  );
  console.error = printed;
  return result();
}

function firstLine(error: unknown): string {
  const {actual} = error as {actual?: unknown};
  const found = Array.isArray(actual) && actual.length > 0 ? `: ${JSON.stringify(actual).slice(0, 160)}` : '';
  const text = (error instanceof Error ? error.message : String(error)) + found;
  // The line that names the code of a failure tells more than the one that says which assertion it was.
  const code = /"code": ?"(\w+)"/.exec(text)?.[1];
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return `${(lines[0] ?? 'no message').slice(0, 240)}${code === undefined ? '' : ` [${code}]`}`;
}
