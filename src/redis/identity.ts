/**
 * Who a server is and what it says of itself, read from typed ROLE where that exists and from INFO for the rest.
 */
import {escapeText} from '../errors.js';
import type {Reply} from './connect.js';
import {type Info, infoKeyspace, infoNumber, infoReplicas, infoText, type ListedReplica} from './info.js';

/** State of the link to the master, as ROLE says it. */
export type LinkState = 'connect' | 'connecting' | 'handshake' | 'sync' | 'connected' | 'unknown';

export type Role =
  | {readonly kind: 'master'; readonly offset: number}
  | {
      readonly kind: 'replica';
      readonly host: string;
      readonly port: number;
      readonly state: LinkState;
      readonly offset: number | null;
    }
  | {readonly kind: 'other'; readonly name: string};

/** Reads the reply of ROLE: typed values, which a forged host name cannot leave. */
export function readRole(reply: Reply): Role {
  if (!Array.isArray(reply)) return {kind: 'other', name: 'no ROLE'};
  const [kind, second, third, fourth, fifth] = reply;
  if (kind === 'master') return {kind: 'master', offset: typeof second === 'number' ? second : Number(second)};
  if (kind === 'slave') {
    const offset = Number(fifth);
    const state = String(fourth);
    const known: readonly string[] = ['connect', 'connecting', 'handshake', 'sync', 'connected'];
    return {
      kind: 'replica',
      host: String(second),
      port: Number(third),
      state: known.includes(state) ? (state as LinkState) : 'unknown',
      offset: Number.isSafeInteger(offset) && offset >= 0 ? offset : null,
    };
  }
  return {kind: 'other', name: escapeText(String(kind))};
}

/**
 * Does ROLE name a host that no host can have? Typed values stay apart, so that line breaks and commas, which forge lines
 * and fields in INFO, are seen here as what they are.
 */
export function isForged(role: Reply): boolean {
  if (Array.isArray(role)) return role.some(isForged);
  return typeof role === 'string' && /[\u0000-\u001f\u007f,]/.test(role);
}

/** The replication history of an instance: what decides whether two data sets are one. */
export interface Lineage {
  readonly replid: string;
  /** The former history, valid up to `secondOffset`; null when there is none. */
  readonly replid2: string | null;
  /** First offset that does not belong to `replid2` any more; null without one. */
  readonly secondOffset: number | null;
  /** Bytes of the history applied so far. 0 does not mean empty: a master that never had a replica stays at 0. */
  readonly offset: number;
}

/** The part of the history that an instance can still replay; null when it keeps none. Offsets in bytes. */
export interface Backlog {
  readonly firstOffset: number;
  readonly lengthBytes: number;
  readonly sizeBytes: number;
}

/** One server, as it described itself at one moment. */
export interface ServerFacts {
  readonly role: Role;
  readonly runId: string;
  readonly server: 'redis' | 'valkey';
  readonly version: string;
  readonly mode: string;
  readonly lineage: Lineage;
  readonly loading: boolean;
  readonly loadingPercent: number | null;
  readonly loadingEtaSeconds: number | null;
  /** INFO's own word for the link; null on a master. */
  readonly linkUp: boolean | null;
  readonly syncInProgress: boolean;
  readonly syncPercent: number | null;
  /** False on a replica that takes writes of its own; null where it does not say, and on a master. */
  readonly isReadOnly?: boolean | null;
  /** Seconds since anything came from the master; null while down, or on a master. */
  readonly lastIoSeconds: number | null;
  /** Replicas listed by this instance. */
  readonly replicas: readonly ListedReplica[];
  readonly keyspace: readonly {readonly db: number; readonly keys: number; readonly expires: number}[];
  readonly keys: number;
  readonly configFile: boolean;
  readonly usedMemoryBytes: number | null;
  readonly maxMemoryBytes: number | null;
  readonly evictionPolicy: string;
  readonly evictedKeys: number | null;
  readonly aofEnabled: boolean;
  readonly aofWriteOk: boolean;
  readonly rdbChangesSinceSave: number | null;
  readonly backlog: Backlog | null;
  readonly failoverState: string | null;
  /** Names of INFO that were given twice, or were forged: somebody injected text, and its numbers are not to be trusted. */
  readonly tampered: readonly string[];
}

/** @param forged `isForged` of the same server's ROLE */
export function readServerFacts(role: Role, info: Info, forged = false): ServerFacts {
  const keyspace = infoKeyspace(info);
  const replid2 = infoText(info, 'master_replid2');
  const noSecond = replid2 === null || /^0+$/.test(replid2);
  const masterOffset = infoNumber(info, 'master_repl_offset') ?? 0;
  const lastIo = infoNumber(info, 'master_last_io_seconds_ago');
  const valkey = infoText(info, 'valkey_version');
  return {
    role,
    runId: infoText(info, 'run_id') ?? '',
    server: valkey === null ? 'redis' : 'valkey',
    version: escapeText(valkey ?? infoText(info, 'redis_version') ?? 'unknown'),
    mode: infoText(info, 'redis_mode') ?? infoText(info, 'server_mode') ?? 'standalone',
    lineage: {
      replid: infoText(info, 'master_replid') ?? '',
      replid2: noSecond ? null : replid2,
      secondOffset: noSecond ? null : infoNumber(info, 'second_repl_offset'),
      offset: role.kind === 'replica' ? (infoNumber(info, 'slave_repl_offset') ?? masterOffset) : masterOffset,
    },
    loading: infoText(info, 'loading') === '1',
    loadingPercent: percent(infoText(info, 'loading_loaded_perc')),
    loadingEtaSeconds: infoNumber(info, 'loading_eta_seconds'),
    linkUp: role.kind === 'replica' ? infoText(info, 'master_link_status') === 'up' : null,
    syncInProgress: infoText(info, 'master_sync_in_progress') === '1',
    syncPercent: percent(infoText(info, 'master_sync_perc')),
    isReadOnly: readOnly(role, info),
    lastIoSeconds: lastIo === null || lastIo < 0 ? null : lastIo,
    replicas: infoReplicas(info),
    keyspace,
    keys: keyspace.reduce((sum, {keys}) => sum + keys, 0),
    configFile: infoText(info, 'config_file') !== null,
    usedMemoryBytes: infoNumber(info, 'used_memory'),
    maxMemoryBytes: infoNumber(info, 'maxmemory'),
    evictionPolicy: infoText(info, 'maxmemory_policy') ?? 'unknown',
    evictedKeys: infoNumber(info, 'evicted_keys'),
    aofEnabled: infoText(info, 'aof_enabled') === '1',
    aofWriteOk: infoText(info, 'aof_last_write_status') !== 'err',
    rdbChangesSinceSave: infoNumber(info, 'rdb_changes_since_last_save'),
    backlog: readBacklog(info),
    failoverState: infoText(info, 'master_failover_state'),
    tampered: tamperedFields(role, info, forged),
  };
}

function readOnly(role: Role, info: Info): boolean | null {
  const text = infoText(info, 'slave_read_only');
  return role.kind !== 'replica' || text === null ? null : text !== '0';
}

function readBacklog(info: Info): Backlog | null {
  const first = infoNumber(info, 'repl_backlog_first_byte_offset');
  const length = infoNumber(info, 'repl_backlog_histlen');
  if (infoText(info, 'repl_backlog_active') !== '1' || first === null || length === null) return null;
  return {firstOffset: first, lengthBytes: length, sizeBytes: infoNumber(info, 'repl_backlog_size') ?? 0};
}

/**
 * Modules may print what they like, also twice. What is read above may occur once only: a forged line stands before the true one
 * when it is injected into an earlier section, as a false key count would be.
 */
const GUARDED =
  /^(db\d+|slave\d+|slave_.+|master_.+|repl_backlog_.+|role|connected_slaves|second_repl_offset|run_id|\w+_version|\w+_mode|config_file|loading.*|used_memory|maxmemory.*|evicted_keys|aof_.+|rdb_.+)$/;

function tamperedFields(role: Role, info: Info, forged: boolean): readonly string[] {
  const repeated = info.repeated.filter((name) => GUARDED.test(name)).map(escapeText);
  const inRole = forged ? [role.kind === 'replica' ? 'master_host' : 'the address of a replica'] : [];
  return [...new Set([...inRole, ...repeated])];
}

function percent(text: string | null): number | null {
  if (text === null || !/^\d{1,3}(\.\d+)?$/.test(text)) return null;
  return Math.min(100, Number(text));
}
