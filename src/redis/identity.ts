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

/** For a login that may run INFO and not ROLE: the same, without the state of the link. */
export function roleOfInfo(info: Info): Role {
  const kind = infoText(info, 'role');
  if (kind === 'master') return {kind: 'master', offset: infoNumber(info, 'master_repl_offset') ?? 0};
  const [host, port] = [infoText(info, 'master_host'), infoNumber(info, 'master_port')];
  if (kind !== 'slave' || host === null || port === null) return {kind: 'other', name: escapeText(kind ?? 'no role')};
  const state = infoText(info, 'master_link_status') === 'up' ? 'connected' : 'unknown';
  return {kind: 'replica', host, port, state, offset: infoNumber(info, 'slave_repl_offset')};
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
  /** Of the snapshot that travels or is loaded; the total is unknown while a diskless master sends it. */
  readonly syncReadBytes: number | null;
  readonly syncTotalBytes: number | null;
  /** Seconds since anything came from the master; null while down, or on a master. */
  readonly lastIoSeconds: number | null;
  /** How long the link has been as it is: up (Redis 8.2 says it) or down; null when unknown, or when it was never up. */
  readonly linkSeconds: number | null;
  /** Writes to a replica are accepted, and vanish at the next full resync; null on a master. */
  readonly writable: boolean | null;
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
  readonly rdbSaveOk: boolean;
  readonly rdbChangesSinceSave: number | null;
  readonly backlog: Backlog | null;
  readonly failoverState: string | null;
  /** Replicas that count for min-replicas-to-write; null where that is not in force. */
  readonly goodReplicas: number | null;
  /** Answers to requests for replication since the start, and replicas cut off for a full output buffer (newer servers say that). */
  readonly fullSyncs: number | null;
  readonly partialSyncs: number | null;
  readonly refusedPartialSyncs: number | null;
  readonly bufferDisconnects: number | null;
  readonly uptimeSeconds: number | null;
  /** Channels with a subscriber: every Sentinel is one. */
  readonly channels: number | null;
  readonly modules: readonly string[];
  /** Libraries of functions (Redis 7); null where there are none to speak of. */
  readonly libraries: number | null;
  readonly os: string;
  /** Where the server says that its config file is; null when it has none. For people: never opened because a server says so. */
  readonly configPath: string | null;
  /** Names of INFO that were given twice, or were forged: somebody injected text, and its numbers are not to be trusted. */
  readonly tampered: readonly string[];
}

/** @param forged `isForged` of the same server's ROLE */
export function readServerFacts(role: Role, info: Info, forged = false): ServerFacts {
  const keyspace = infoKeyspace(info);
  const replid2 = infoText(info, 'master_replid2');
  const noSecond = replid2 === null || /^0+$/.test(replid2);
  const masterOffset = infoNumber(info, 'master_repl_offset') ?? 0;
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
    ...readLink(role, info),
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
    rdbSaveOk: infoText(info, 'rdb_last_bgsave_status') !== 'err',
    rdbChangesSinceSave: infoNumber(info, 'rdb_changes_since_last_save'),
    backlog: readBacklog(info),
    failoverState: infoText(info, 'master_failover_state'),
    ...readCounters(info),
    modules: info.modules,
    libraries: infoNumber(info, 'number_of_libraries'),
    os: infoText(info, 'os') ?? '',
    configPath: infoText(info, 'config_file'),
    tampered: tamperedFields(role, info, forged),
  };
}

function readLink(role: Role, info: Info) {
  const replica = role.kind === 'replica';
  const positive = (name: string): number | null => {
    const value = infoNumber(info, name);
    return value === null || value < 0 ? null : value;
  };
  const down = infoNumber(info, 'master_link_down_since_seconds');
  const readOnly = infoText(info, 'slave_read_only');
  const loading = infoText(info, 'loading') === '1';
  const total = infoNumber(info, loading ? 'loading_total_bytes' : 'master_sync_total_bytes');
  return {
    lastIoSeconds: positive('master_last_io_seconds_ago'),
    // A link that never was up is down "since" -1, or since 1970 on Redis 5 and 6.0.
    linkSeconds: down === null ? positive('master_link_up_since_seconds') : down < 0 || down > 1e9 ? null : down,
    writable: replica && readOnly !== null ? readOnly === '0' : null,
    syncReadBytes: positive(loading ? 'loading_loaded_bytes' : 'master_sync_read_bytes'),
    syncTotalBytes: total === null || total <= 0 ? null : total,
  };
}

function readCounters(info: Info) {
  return {
    goodReplicas: infoNumber(info, 'min_slaves_good_slaves'),
    fullSyncs: infoNumber(info, 'sync_full'),
    partialSyncs: infoNumber(info, 'sync_partial_ok'),
    refusedPartialSyncs: infoNumber(info, 'sync_partial_err'),
    bufferDisconnects: infoNumber(info, 'client_output_buffer_limit_disconnections'),
    uptimeSeconds: infoNumber(info, 'uptime_in_seconds'),
    channels: infoNumber(info, 'pubsub_channels'),
  };
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
  /^(db\d+|slave\d+|slave_.+|master_.+|repl_backlog_.+|role|connected_slaves|second_repl_offset|run_id|\w+_version|\w+_mode|config_file|loading.*|used_memory|maxmemory.*|evicted_keys|aof_.+|rdb_.+|min_slaves_.+|sync_.+|uptime_.+|number_of_libraries|os)$/;

function tamperedFields(role: Role, info: Info, forged: boolean): readonly string[] {
  const repeated = info.repeated.filter((name) => GUARDED.test(name)).map(escapeText);
  const inRole = forged ? [role.kind === 'replica' ? 'master_host' : 'the address of a replica'] : [];
  return [...new Set([...inRole, ...repeated])];
}

function percent(text: string | null): number | null {
  if (text === null || !/^\d{1,3}(\.\d+)?$/.test(text)) return null;
  return Math.min(100, Number(text));
}
