/** Settings and consents as the flags that say them; what is as it comes is not mentioned. */
import type {PlanPart} from '../report/rebalance.js';

export function saidSettings({settings, consents}: Pick<PlanPart, 'settings' | 'consents'>): string {
  const {onConflict, strays, writers, fence, maxKeysPerSecond, maxBytesPerSecond} = settings;
  const {maxLatencyMs, bigKeyBytes, readFrom, functions, via} = settings;
  const said: (string | null)[] = [
    onConflict === 'fail' ? null : `--on-conflict ${onConflict}`,
    strays === 'move' ? null : `--strays ${strays}`,
    writers === 'fail' ? null : `--writers ${writers}`,
    fence === 'none' ? null : `--fence ${fence}`,
    maxKeysPerSecond === null ? null : `--max-keys-per-second ${maxKeysPerSecond}`,
    maxBytesPerSecond === null ? null : `--max-bytes-per-second ${sizeText(maxBytesPerSecond)}`,
    maxLatencyMs === 5 ? null : `--max-latency ${maxLatencyMs}ms`,
    bigKeyBytes === 8 * 1024 * 1024 ? null : `--big-key ${sizeText(bigKeyBytes)}`,
    readFrom === 'master' ? null : `--read-from ${readFrom}`,
    via === 'replicate' ? '--via replicate' : null,
    functions === 'tell' ? null : `--functions ${functions}`,
    ...consents.acceptVolatile.map((at) => `--accept-volatile ${at}`),
    ...(consents.replaceOn ?? []).map((at) => `--replace-on ${at}`),
  ];
  return said.filter((one) => one !== null).join(', ');
}

/** The largest unit of redis.conf that says it exactly. */
function sizeText(value: number): string {
  const units = [
    ['gb', 1024 ** 3],
    ['g', 1000 ** 3],
    ['mb', 1024 ** 2],
    ['m', 1000 ** 2],
    ['kb', 1024],
    ['k', 1000],
  ] as const;
  const [unit, size] = units.find(([, one]) => value % one === 0) ?? ['b', 1];
  return `${value / size}${unit}`;
}
