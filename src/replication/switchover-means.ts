/** What INFO does not say of a server, and what the login of rtopo may do there. Reads only; null where the server may not be asked. */
import {LOCK_KEY} from '../journal/lock.js';
import type {Connection} from '../redis/connect.js';
import {endpointOf, withConnection} from '../redis/connect.js';
import {type Info, infoNumber, infoText, parseInfo} from '../redis/info.js';
import type {Instance} from '../topology/types.js';
import {sentinelsAt} from './authority.js';

export interface Means {
  /** replica-priority as the server has it; null on a master. */
  readonly priority: number | null;
  /** See `Contender`. */
  readonly wasLinked: boolean | null;
  readonly minReplicas: number | null;
  readonly savesSnapshots: boolean | null;
  readonly knowsFailover: boolean | null;
  readonly deniedFailover: boolean | null;
  /** Commands that the login of rtopo may not use, as the server says; null where it does not. */
  readonly denied: readonly string[] | null;
  /** Commands that the server does not have, of those without which a master cannot change. */
  readonly missing: readonly string[];
  /** Value of the lock key; null when nobody holds it. */
  readonly lock: string | null;
  /** Somebody listens for Sentinels there. */
  readonly hasSentinel: boolean;
}

/** Renamed away they are not forbidden, and not there: the write pause, and the lock. */
const NEEDED = ['client', 'eval'];

export interface Right {
  readonly command: string;
  readonly args: readonly string[];
}

const right = (command: string, ...args: string[]): Right => ({command, args});

/** What the old master is sent, beside FAILOVER, which can be done without. */
export const RIGHTS: readonly Right[] = [
  // Not sent to change anything: what came of an order is read from it.
  right('ROLE'),
  right('CLIENT', 'PAUSE', '1', 'WRITE'),
  right('CLIENT', 'UNPAUSE'),
  right('REPLICAOF', 'NO', 'ONE'),
  right('CONFIG', 'SET', 'replica-read-only', 'yes'),
  right('CONFIG', 'REWRITE'),
  // The lock: a script is run with the rights of whoever runs it.
  right('EVAL', "return redis.call('SET', KEYS[1], 'x')", '1', LOCK_KEY),
  right('GET', LOCK_KEY),
  right('SET', LOCK_KEY, 'x'),
  right('PEXPIRE', LOCK_KEY, '1'),
  right('DEL', LOCK_KEY),
];

export function readMeans(instance: Instance, timeoutMs: number): Promise<Means> {
  return withConnection(endpointOf(instance), timeoutMs, async (connection) => {
    const [info, minReplicas, save, known, lock, sentinels] = await Promise.all([
      connection.call('INFO', ['replication']),
      setting(connection, 'min-replicas-to-write'),
      setting(connection, 'save'),
      connection.attempt('COMMAND', ['INFO', 'failover', ...NEEDED]),
      connection.attempt('GET', [LOCK_KEY]),
      sentinelsAt(connection),
    ]);
    const {denied, deniedFailover} = await readRights(connection);
    return {
      priority: infoNumber(parseInfo(String(info)), 'slave_priority'),
      wasLinked: wasLinked(parseInfo(String(info))),
      minReplicas: minReplicas === null ? null : Number(minReplicas),
      savesSnapshots: save === null ? null : save !== '',
      knowsFailover: Array.isArray(known) && known.length > NEEDED.length ? known[0] !== null : null,
      missing: Array.isArray(known) ? NEEDED.filter((_, i) => known[i + 1] === null) : [],
      ...{denied, deniedFailover},
      lock: typeof lock === 'string' ? lock : null,
      hasSentinel: sentinels.length > 0,
    };
  });
}

/** Down since -1 means that it never was up; Redis 5 and 6.0 write seconds since 1970 instead. */
function wasLinked(info: Info): boolean | null {
  if (infoText(info, 'master_link_status') === null) return null;
  const downSince = infoNumber(info, 'master_link_down_since_seconds');
  return downSince === null || (downSince >= 0 && downSince < 1e9);
}

async function setting(connection: Connection, name: string): Promise<string | null> {
  const reply = await connection.attempt('CONFIG', ['GET', name]);
  return Array.isArray(reply) && typeof reply[1] === 'string' ? reply[1] : null;
}

/** Asked of the server itself (ACL DRYRUN, Redis 7.0), which sends nothing. */
async function readRights(connection: Connection): Promise<Pick<Means, 'denied' | 'deniedFailover'>> {
  const user = await connection.attempt('ACL', ['WHOAMI']);
  if (typeof user !== 'string') return {denied: null, deniedFailover: null};
  const verdict = async ({command, args}: Right): Promise<string | null> => {
    const reply = await connection.attempt('ACL', ['DRYRUN', user, command, ...args]);
    return typeof reply === 'string' ? reply : null;
  };
  const verdicts = await Promise.all(RIGHTS.map(verdict));
  const failover = await verdict(right('FAILOVER', 'ABORT'));
  if (verdicts.every((one) => one === null)) return {denied: null, deniedFailover: null};
  return {
    denied: RIGHTS.flatMap(({command, args}, i) =>
      verdicts[i] === null || verdicts[i] === 'OK'
        ? []
        : [args.includes(LOCK_KEY) ? command : [command, ...args.slice(0, 1)].join(' ')],
    ),
    deniedFailover: failover === null ? null : failover !== 'OK',
  };
}
