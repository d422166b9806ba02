/**
 * Faults at exact system calls, from outside and without a hook in the product: strace counts the calls of a process and kills it, or
 * makes the call fail, at the N-th. A counting run comes first; from it the points are chosen.
 *
 * strace counts per thread and per name of call. So a point on the main thread is injected without following threads; one on another thread
 * (an asynchronous journal) with following, and with a thread pool of one, which makes the count repeatable.
 */

export const calls = [
  'write',
  'writev',
  'pwrite64',
  'pwritev',
  'sendto',
  'sendmsg',
  'fsync',
  'fdatasync',
  'ftruncate',
  'fchmod',
  'rename',
  'renameat',
  'renameat2',
  'unlink',
  'unlinkat',
] as const;
export type CallName = (typeof calls)[number];

/** What the call was about. `state`: the folder of the journal. */
export type Subject = 'journal' | 'state' | 'topology' | 'socket' | 'other';

export interface Call {
  readonly tid: string;
  readonly name: CallName;
  /** From 1, among the calls of this name on this thread. */
  readonly n: number;
  readonly subject: Subject;
}

export interface Point {
  readonly name: CallName;
  readonly n: number;
  /** Threads are followed. */
  readonly follow: boolean;
  readonly subject: Subject;
}

const entered = new RegExp(`^(\\d+) +(?:[\\d:.]+ )?(${calls.join('|')})\\((.*)$`);

/** Calls in the order in which they were entered. The first thread is the main one. */
export function parseTrace(text: string): Call[] {
  const counts = new Map<string, number>();
  return text.split('\n').flatMap((line) => {
    const [, tid, name, rest] = entered.exec(line) ?? [];
    if (tid === undefined || name === undefined) return [];
    const n = (counts.get(`${tid} ${name}`) ?? 0) + 1;
    counts.set(`${tid} ${name}`, n);
    return [{tid, name: name as CallName, n, subject: subjectOf(rest!)}];
  });
}

function subjectOf(rest: string): Subject {
  // Only the arguments that name files: what is written may hold anything.
  const names = [...rest.matchAll(/^\d+<([^>]*(?:->[^>]*)?)>|"(\/[^"]*)"/g)]
    .map(([, fd, path]) => fd ?? path!)
    .join(' ');
  if (/TCP|UNIX/.test(names)) return 'socket';
  if (/\.jsonl|\/state\/rtopo\/.*\.[a-z]+/.test(names)) return 'journal';
  if (/\/state(\/|$)/.test(names)) return 'state';
  return /rtopo\.yml|\/field-\d+$/.test(names) ? 'topology' : 'other';
}

/** Every call that touches something, as a point at which to strike; of two that strace cannot tell apart, the one that comes first. */
export function pointsOf(trace: readonly Call[]): Point[] {
  const main = trace[0]?.tid;
  const points: Point[] = [];
  const taken = new Set<string>();
  for (const {tid, name, n, subject} of trace) {
    const follow = tid !== main;
    const id = `${name}@${n}${follow}`;
    // When threads are followed the first thread that comes to its N-th call is struck, whichever that is.
    if (follow && taken.has(id)) continue;
    taken.add(id);
    if (subject === 'other') continue;
    if (follow && trace.find((call) => call.name === name && call.n === n)?.tid !== tid) continue;
    points.push({name, n, follow, subject});
  }
  return points;
}

export const pointText = ({name, n, follow}: Omit<Point, 'subject'>): string => `${name}@${n}${follow ? 'f' : ''}`;

export function parsePoint(text: string): Omit<Point, 'subject'> {
  const [, name, n, follow] = /^(\w+)@(\d+)(f?)$/.exec(text) ?? [];
  if (name === undefined) throw new Error(`'${text}' is no point; one looks like fsync@12 or write@40f`);
  return {name: name as CallName, n: Number(n), follow: follow === 'f'};
}

/** One worker makes the calls of other threads come in the same order each time. */
export const singlePool = {UV_THREADPOOL_SIZE: '1'};

/** Follows everything and changes nothing. */
export function countUnder(file: string): string[] {
  return ['strace', '-f', '--seccomp-bpf', '-yy', '-s', '0', '-o', file, '-e', `trace=${calls.join(',')}`];
}

/** Strikes at the point. `what`: `signal=KILL`, `error=EIO`; with `onward` every later call of that name too. */
export function strikeUnder(file: string, point: Omit<Point, 'subject'>, what: string, onward = false): string[] {
  // Without --seccomp-bpf: at the stops that this makes a signal is not delivered.
  const follow = point.follow ? ['-f'] : [];
  const when = `when=${point.n}${onward ? '+' : ''}`;
  const inject = ['-e', `trace=${calls.join(',')}`, '-e', `inject=${point.name}:${what}:${when}`];
  return ['strace', ...follow, '-yy', '-s', '0', '-o', file, ...inject];
}

/** What was struck, by the trace of the run: the call that was made to fail, or the one that never returned. */
export function struck(trace: string, point: Omit<Point, 'subject'>): Subject | null {
  const lines = trace.split('\n');
  const tid = (line: string) => line.split(' ')[0]!;
  // Where threads take turns strace splits a call in two: its arguments stand in the first part, its fate in the second.
  const halves = new RegExp(`${point.name}\\(.*<unfinished`);
  const resumed = `<... ${point.name} resumed>`;
  const injected = lines.findIndex((line) => line.includes('(INJECTED)'));
  const at = (() => {
    if (injected < 0) {
      return lines.findLastIndex(
        (line, i) =>
          line.includes(`${point.name}(`) &&
          (/= \?$/.test(line) ||
            (halves.test(line) &&
              !lines.slice(i).some((later) => tid(later) === tid(line) && later.includes(resumed)))),
      );
    }
    if (!lines[injected]!.includes(resumed)) return injected;
    return lines.findLastIndex((line, i) => i < injected && tid(line) === tid(lines[injected]!) && halves.test(line));
  })();
  if (at < 0) return null;
  const line = lines[at]!;
  return subjectOf(line.slice(line.indexOf('(') + 1));
}
