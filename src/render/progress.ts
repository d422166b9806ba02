/** A moment of a move as lines for a terminal or a log: a bar per pair of servers, and a total that says what holds it up. */
import {bar} from './compare.js';
import type {Style} from './style.js';
import {bytes, count, spell} from './units.js';

/** A moment of a move, as the migration wing tells it. */
export interface MoveProgress {
  readonly phase: string;
  readonly keys: number;
  readonly totalKeys: number | null;
  readonly bytes: number;
  readonly pairs?: readonly PairProgress[];
  readonly limit?: Limit | null;
}

interface PairProgress {
  readonly from: string;
  readonly to: string;
  readonly keys: number;
  readonly totalKeys: number | null;
}

type Limit = 'rate' | 'latency' | 'source' | 'target' | 'replica' | 'journal';

/** Per second, of late; null while it is too early to tell. */
export interface Speed {
  readonly keys: number;
  readonly bytes: number;
}

/** What a phase is about to do, or doing. A phase is named by what was reached; a person at a terminal asks what is going on. */
const DOING: Readonly<Record<string, string>> = {
  counting: 'counting',
  replicating: 'replicating',
  copying: 'copying',
  copied: 'looking for keys that came late',
  verified: 'waiting until the copies survive a crash',
  cutover: 'the topology file is replaced',
  pruning: 'deleting the old copies',
  aborted: 'removing the copies',
};

const LIMITS: Readonly<Record<Limit, string>> = {
  rate: 'held at the limit',
  latency: 'slowed for latency',
  source: 'waits for sources',
  target: 'waits for targets',
  replica: 'waits for replicas',
  journal: 'waits for the journal',
};

const MOST_PAIRS = 8;

/** The total alone, as one line of at most so many columns. What matters least is left out first. */
export function totalLine(
  {phase, keys, totalKeys, bytes: sent, limit}: MoveProgress,
  speed: Speed | null,
  width: number,
): string {
  const doing = DOING[phase] ?? phase;
  if (keys === 0) return doing.slice(0, width);
  const part = totalKeys ? `${Math.min(100, Math.floor((100 * keys) / totalKeys))} %` : '';
  const counted = totalKeys ? `${count(keys)} of ${count(totalKeys)} keys` : `${count(keys)} keys`;
  const left =
    speed === null || !totalKeys || speed.keys === 0
      ? ''
      : `${spell(Math.max(0, Math.ceil((totalKeys - keys) / speed.keys)))} left`;
  // By what goes first when it is too long: from the end of this list.
  const ranked = [
    doing,
    part,
    left,
    speed === null ? '' : `${count(Math.round(speed.keys))} keys/s`,
    speed === null || sent === 0 ? '' : `${bytes(Math.round(speed.bytes))}/s`,
    limit ? LIMITS[limit] : '',
    counted,
  ];
  const order = [0, 1, 6, 3, 4, 2, 5];
  for (let kept = ranked.length; kept > 0; kept--) {
    const parts = order.filter((i) => i < kept && ranked[i] !== '').map((i) => ranked[i]!);
    const line = parts.join('  ');
    if (line.length <= width) return line;
  }
  return doing.slice(0, width);
}

/** A line per pair, and the total below them. */
export function progressLines(progress: MoveProgress, speed: Speed | null, style: Style): string[] {
  const width = style.columns - 1;
  const {pairs = []} = progress;
  const total = totalLine(progress, speed, width);
  if (pairs.length < 2) return [total];
  const shown = pairs.length <= MOST_PAIRS ? byName(pairs) : busiest(pairs).slice(0, MOST_PAIRS - 1);
  const more = pairs.length - shown.length;
  return [
    ...shown.map((pair) => pairLine(pair, widestOf(shown), style)),
    ...(more > 0 ? [style.dim(`… and ${more} more pairs`)] : []),
    total,
  ];
}

/** A line keeps its place, whichever pair comes first. */
const byName = (pairs: readonly PairProgress[]): PairProgress[] =>
  pairs.toSorted((a, b) => (`${a.from} ${a.to}` < `${b.from} ${b.to}` ? -1 : 1));

/** Those that have most to do. */
const busiest = (pairs: readonly PairProgress[]): PairProgress[] => pairs.toSorted((a, b) => leftOf(b) - leftOf(a));

const leftOf = ({keys, totalKeys}: PairProgress): number => Math.max(0, (totalKeys ?? keys) - keys);

interface Widths {
  readonly from: number;
  readonly to: number;
  readonly keys: number;
}

const NAME_WIDTH = 20;
const shortened = (name: string): string => (name.length <= NAME_WIDTH ? name : `${name.slice(0, NAME_WIDTH - 1)}…`);

function widestOf(pairs: readonly PairProgress[]): Widths {
  const widest = (texts: readonly string[]): number => Math.max(...texts.map((text) => text.length));
  return {
    from: widest(pairs.map(({from}) => shortened(from))),
    to: widest(pairs.map(({to}) => shortened(to))),
    keys: widest(pairs.map(({keys, totalKeys}) => count(Math.max(keys, totalKeys ?? 0)))),
  };
}

function pairLine({from, to, keys, totalKeys}: PairProgress, widths: Widths, style: Style): string {
  const names = `${shortened(from).padEnd(widths.from)} → ${shortened(to).padEnd(widths.to)}`;
  if (totalKeys === null) return `${names}  ${count(keys)} keys`;
  const share = totalKeys === 0 ? 1 : Math.min(1, keys / totalKeys);
  const numbers = `${`${Math.floor(100 * share)} %`.padStart(5)}  ${count(keys).padStart(widths.keys)} of ${count(totalKeys).padStart(widths.keys)}`;
  const room = Math.min(30, style.columns - 1 - names.length - numbers.length - 4);
  if (room < 4) return `${names}  ${numbers}`;
  const drawn = bar(share * room);
  return `${names}  ${style.accent(drawn)}${' '.repeat(Math.max(0, room - drawn.length))}  ${numbers}`;
}
