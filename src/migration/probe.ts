/**
 * What a server takes: asked by doing, before anything moves. Its version would not tell: Valkey calls itself Redis 7.2.4, and one Redis
 * accepts what another of the same number, built elsewhere, does not.
 */
import {randomBytes} from 'node:crypto';
import {RESERVED_PREFIX} from '../journal/lock.js';
import {replyFault} from '../redis/faults.js';
import type {ServerFacts} from '../redis/identity.js';
import {ReplyError, type RespReply} from '../redis/resp/decode.js';
import type {RespSocket} from '../redis/resp/socket.js';
import {probeFieldTtl as askForFieldTtl} from './elements/read.js';
import {
  type Family,
  familyOfFooter,
  LAST_COMMON_FOOTER,
  LAST_COMMON_TYPE,
  type PayloadSupport,
  payloadOf,
} from './payload.js';

/** A scratch key that is forgotten is no lasting harm. */
const SCRATCH_MS = 10_000;

/** Footers that exist: of all up to 11, of Redis from 12, of Valkey from 80; some more each, for versions to come. */
const FOOTERS = [6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 80, 81, 82, 83, 84];

/** Type bytes that every server since 5.0 reads: strings, lists, sets, sorted sets and hashes in their older forms, streams. */
const OLD_TYPES = [0, 1, 2, 3, 4, 5, 9, 10, 11, 12, 13, 14, 15];

/** Tiny values of the types that came since, by type byte: the smallest that each loader accepts. Source: rdb.c. */
const SCRATCH_VALUES: ReadonlyMap<number, Buffer> = new Map(
  Object.entries({
    // One blob, a listpack: a => b; a with score 1; the list of one such; a.
    16: '0d 0d000000 0200 816102 816202 ff',
    17: '0c 0c000000 0200 816102 0101 ff',
    18: '01 02 0a 0a000000 0100 816102 ff',
    20: '0a 0a000000 0100 816102 ff',
    // An empty stream: blocks, length, last id, first id, highest deleted id, entries added, groups.
    19: '00 00 0000 0000 0000 00 00',
    21: '00 00 0000 0000 0000 00 00',
  }).map(([type, hex]) => [Number(type), Buffer.from(hex.replaceAll(' ', ''), 'hex')]),
);

/** The type bytes of a family above 21, by the footer that brought them: a server that takes the footer reads the types. */
const FAMILY_TYPES: readonly {readonly family: Family; readonly footer: number; readonly types: readonly number[]}[] = [
  {family: 'redis', footer: 12, types: [22, 23, 24, 25]},
  {family: 'valkey', footer: 80, types: [22]},
  {family: 'valkey', footer: 81, types: [23]},
];

export interface Probed {
  readonly support: PayloadSupport;
  /** Changes that the server counts for the probing. */
  readonly writes: number;
}

/**
 * Restores scratch values and removes them. The socket's database does not matter.
 * @throws RtopoError when the server refuses for another reason: no permission, read-only, out of memory
 */
export async function probePayloads(socket: RespSocket): Promise<Probed> {
  const key = `${RESERVED_PREFIX}probe:${randomBytes(8).toString('hex')}`;
  const restore = (payload: Buffer) => ['RESTORE', key, SCRATCH_MS, payload, 'REPLACE'];
  const string = Buffer.from('\x01a');
  // The lowest footer is accepted by all, so that here only the type decides.
  const types = [...SCRATCH_VALUES].map(([type, value]) => restore(payloadOf(type, value, FOOTERS[0]!)));
  const footers = FOOTERS.map((footer) => restore(payloadOf(0, string, footer)));
  const replies = await socket.batch([...footers, ...types, ['UNLINK', key]]);
  const taken = replies.slice(0, -1).map((reply) => isTaken(socket, reply));
  const accepted = FOOTERS.filter((_, i) => taken[i]);
  const known = [...SCRATCH_VALUES.keys()].filter((_, i) => taken[FOOTERS.length + i]);
  const writes = taken.filter(Boolean).length + (replies.at(-1) === 1 ? 1 : 0);
  return {support: supportOf(accepted, known), writes};
}

function isTaken(socket: RespSocket, reply: RespReply): boolean {
  if (!(reply instanceof ReplyError)) return true;
  if (/payload version or checksum|Bad data format|Unsupported foreign/i.test(reply.text)) return false;
  throw replyFault(socket.address, reply.text, 'RESTORE of a scratch key');
}

function supportOf(footers: readonly number[], types: readonly number[]): PayloadSupport {
  // A Valkey that was told to take foreign footers still counts by its own.
  const families = new Set(footers.map(familyOfFooter));
  const family = families.has('valkey') ? 'valkey' : families.has('redis') ? 'redis' : 'common';
  const own = footers.filter((footer) => familyOfFooter(footer) === family);
  const maxFooter = Math.max(...(own.length > 0 ? own : footers));
  const ofFamily = FAMILY_TYPES.filter((row) => row.family === family && row.footer <= maxFooter);
  return {family, maxFooter, types: new Set([...OLD_TYPES, ...types, ...ofFamily.flatMap((row) => row.types)])};
}

/** First version of each footer, newest first. Source: rdb.h of the releases. */
const FOOTER_OF_VERSION: Readonly<Record<'redis' | 'valkey', readonly (readonly [string, number])[]>> = {
  redis: [
    ['8.10', 15],
    ['8.8', 14],
    ['8.6', 13],
    ['7.4', 12],
    ['7.2', 11],
    ['7.0', 10],
    ['5.0', 9],
    ['4.0', 8],
    ['3.2', 7],
  ],
  valkey: [
    ['9.2', 81],
    ['9.0', 80],
    ['7.2', 11],
  ],
};

/** An estimate from what the server says of itself, for where nothing may be written: `--dry-run`. */
export function supportByVersion({server, version}: Pick<ServerFacts, 'server' | 'version'>): PayloadSupport {
  const footer = FOOTER_OF_VERSION[server].find(([first]) => isAtLeast(version, first))?.[1] ?? FOOTERS[0]!;
  const highest = footer >= LAST_COMMON_FOOTER ? LAST_COMMON_TYPE : footer === 10 ? 19 : 15;
  const common = [...SCRATCH_VALUES.keys()].filter((type) => type <= highest);
  return supportOf(footer > LAST_COMMON_FOOTER ? [LAST_COMMON_FOOTER, footer] : [footer], common);
}

function isAtLeast(version: string, first: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  const [wantedMajor = 0, wantedMinor = 0] = first.split('.').map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

/** Whether the server has expiries of single hash fields (Redis 7.4, Valkey 9). Reads only. */
export function probeFieldTtl(socket: RespSocket): Promise<boolean> {
  return askForFieldTtl(socket, Buffer.from(`${RESERVED_PREFIX}probe`));
}

/** What a server takes in one piece, in bytes; a larger payload costs the connection. Null: it does not tell, so take the defaults. */
export interface PieceLimits {
  /** `proto-max-bulk-len`: longest argument, and longest string value. Default 512 MB. */
  readonly bulkBytes: number | null;
  /** `client-query-buffer-limit`: longest request. Default 1 GB. */
  readonly requestBytes: number | null;
}

/** Reads only; a login that may not read the configuration is no failure. */
export async function probeLimits(socket: RespSocket): Promise<PieceLimits> {
  const [bulk, request] = await socket.batch([
    ['CONFIG', 'GET', 'proto-max-bulk-len'],
    ['CONFIG', 'GET', 'client-query-buffer-limit'],
  ]);
  return {bulkBytes: settingBytes(bulk), requestBytes: settingBytes(request)};
}

function settingBytes(reply: RespReply | undefined): number | null {
  const value = Array.isArray(reply) ? Number(String(reply[1])) : Number.NaN;
  return Number.isSafeInteger(value) && value > 0 ? value : null;
}
