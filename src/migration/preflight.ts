/** What must hold before a key moves. Reads only: `--dry-run` runs all of it. All failures at once. */
import {ExitCode, escapeText, RtopoError} from '../errors.js';
import {describeHolder, LOCK_KEY} from '../journal/lock.js';
import {Connection, endpointOf} from '../redis/connect.js';
import {readFacts} from '../redis/fleet.js';
import type {ServerFacts} from '../redis/identity.js';
import {judgeSameServer} from './judge.js';
import {type Node, nodesOf} from './nodes.js';
import type {Change} from './plan.js';

/** A reason not to start. `consent` is the flag that would allow it. */
export interface Objection {
  readonly code: string;
  readonly at: string;
  readonly message: string;
  readonly consent: string | null;
  readonly remedy: string;
}

export interface Preflight {
  readonly nodes: readonly Node[];
  readonly objections: readonly Objection[];
}

/** Clocks further apart than this make keys expire early or late: expiry travels as an absolute time. */
export const MAX_SKEW_MS = 500;
/** The clock is read so often where the answers are slow. */
const CLOCK_READINGS = 3;
const GOOD_READING_MS = 20;

/** @throws RtopoError exit 5 when a node cannot be reached: without all of them nothing can be planned */
export async function preflight(
  change: Change,
  options: {timeoutMs: number; operation: string | null},
): Promise<Preflight> {
  const answers = await Promise.all(
    change.nodes.map(async ({instance}) => {
      const connection = await Connection.open(endpointOf(instance), options.timeoutMs);
      try {
        return {facts: await readFacts(connection), ...(await readClockAndLock(connection))};
      } finally {
        connection.close();
      }
    }),
  );
  const nodes = nodesOf(
    change.nodes,
    answers.map(({facts}) => facts),
  );
  const objections = nodes.flatMap((node, i) => [
    ...judgeNode(node),
    ...judgeSkew(node, answers[i]!.clock, answers[0]!.clock),
    ...judgeLock(node, answers[i]!.lock, options.operation),
  ]);
  return {
    nodes,
    objections: [...objections, ...judgeSameServer(nodes), ...(await judgeDatabases(nodes, options.timeoutMs))],
  };
}

/** How far a server's clock is from ours, and by how much that may be wrong; milliseconds. */
interface ClockReading {
  readonly skewMs: number;
  readonly errorMs: number;
}

async function readClockAndLock(connection: Connection): Promise<{clock: ClockReading; lock: string | null}> {
  let clock = await readClock(connection);
  for (let more = 1; more < CLOCK_READINGS && clock.errorMs > GOOD_READING_MS; more++) {
    const next = await readClock(connection);
    if (next.errorMs < clock.errorMs) clock = next;
  }
  const lock = await connection.attempt('GET', [LOCK_KEY]);
  return {clock, lock: typeof lock === 'string' ? lock : null};
}

async function readClock(connection: Connection): Promise<ClockReading> {
  const sent = Date.now();
  const time = await connection.call('TIME');
  const received = Date.now();
  const [seconds, micros] = Array.isArray(time) ? time : [0, 0];
  const serverMs = Number(seconds) * 1000 + Number(micros) / 1000;
  // Against the middle of the round trip: the error is at most half of it.
  return {skewMs: serverMs - (sent + received) / 2, errorMs: (received - sent) / 2};
}

function judgeNode(node: Node): Objection[] {
  const {facts, at, name} = node;
  const objections: Objection[] = [];
  const object = (code: string, message: string, remedy: string): void => {
    objections.push({code, at, message, consent: null, remedy});
  };
  if (facts.role.kind !== 'master') {
    object(
      'NOT_A_MASTER',
      `${at}, the master of shard ${name} by the topology file, is not a master now.`,
      'rtopo status',
    );
  }
  if (facts.mode !== 'standalone') {
    object(
      'CLUSTER_ENABLED',
      `${at} runs in ${escapeText(facts.mode)} mode; rtopo moves keys of plain servers.`,
      'redis-cli --cluster rebalance',
    );
  }
  if (facts.loading) object('LOADING', `${at} is still loading its data set.`, 'wait, then run the command again');
  if (facts.failoverState !== null && facts.failoverState !== 'no-failover') {
    object('FAILOVER_RUNNING', `${at} is in the middle of a FAILOVER.`, 'wait for it to end');
  }
  if (!knowsAbsoluteExpiry(facts)) {
    object(
      'VERSION_TOO_OLD',
      `${at} runs ${facts.server} ${facts.version}; moving keys with their exact expiry needs PEXPIRETIME, that is Redis 7.0 or Valkey.`,
      'upgrade the server',
    );
  }
  return objections;
}

function knowsAbsoluteExpiry(facts: ServerFacts): boolean {
  return facts.server === 'valkey' || Number(facts.version.split('.')[0]) >= 7;
}

function judgeSkew({at}: Node, clock: ClockReading, reference: ClockReading): Objection[] {
  // Only what is certain: on a busy machine an answer may wait for longer than clocks are apart.
  const apartMs = Math.round(Math.abs(clock.skewMs - reference.skewMs) - clock.errorMs - reference.errorMs);
  if (apartMs <= MAX_SKEW_MS) return [];
  return [
    {
      code: 'CLOCK_SKEW',
      at,
      message: `The clock of ${at} is ${apartMs} ms away from that of the other servers; keys with an expiry would die early or late.`,
      consent: null,
      remedy: `set the clock (NTP) of the host of ${at}`,
    },
  ];
}

function judgeLock({at}: Node, lock: string | null, operation: string | null): Objection[] {
  if (lock === null || (operation !== null && lock.includes(`"op":"${operation}"`))) return [];
  return [
    {
      code: 'LOCKED',
      at,
      message: `${at} is locked by ${describeHolder(lock)}.`,
      consent: null,
      remedy: 'wait for it to end; the lock of a dead process ends by itself within 60 s',
    },
  ];
}

/** A target may have been started with fewer databases than a source uses. */
async function judgeDatabases(nodes: readonly Node[], timeoutMs: number): Promise<Objection[]> {
  const highest = Math.max(0, ...nodes.flatMap(({facts}) => facts.keyspace.map(({db}) => db)));
  if (highest === 0) return [];
  const found = await Promise.all(
    nodes
      .filter(({inTo}) => inTo)
      .map(async ({instance, at}): Promise<Objection[]> => {
        const connection = await Connection.open(endpointOf(instance), timeoutMs);
        try {
          if ((await connection.attempt('SELECT', [highest])) !== null) return [];
        } finally {
          connection.close();
        }
        const message = `${at} has no database ${highest}, which a source uses.`;
        return [
          {code: 'NO_DATABASE', at, message, consent: null, remedy: `start it with databases ${highest + 1} or more`},
        ];
      }),
  );
  return found.flat();
}

/** All objections as one refusal; the first gives the code. */
export function refusalOf(objections: readonly Objection[]): RtopoError {
  const [first] = objections;
  return new RtopoError({
    code: first!.code,
    exit: ExitCode.refused,
    message: `${objections.map(({message}) => message).join('\n  ')}\n  Nothing was changed.`,
    remedy: [...new Set(objections.map(({remedy}) => remedy))].join('; '),
    details: {objections},
  });
}
