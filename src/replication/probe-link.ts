/**
 * Why is a replica not let in? Its parent is asked at its declared address, with the login that replicas are declared to use,
 * and the replica is asked which login it has. No password leaves this file, and no address that a server reports is dialled.
 */
import {ExitCode, RtopoError, rememberSecret} from '../errors.js';
import {type Connection, endpointOf, withConnection} from '../redis/connect.js';
import {resolveCredentials} from '../redis/credentials.js';
import {parseInfo} from '../redis/info.js';
import type {Auth, Instance} from '../topology/types.js';
import type {LinkProbe, OwnLogin, TriedLogin} from './probes.js';

export interface LinkUnderProbe {
  readonly child: Instance;
  readonly parent: Instance;
  /** How replicas are declared to log in to this parent; null: without a login. */
  readonly auth: Auth | null;
  readonly timeoutMs: number;
}

export async function probeLink(link: LinkUnderProbe): Promise<LinkProbe> {
  const [open, login, own, parent] = await Promise.all([
    isOpen(link),
    link.auth === null ? null : tryLogin(link, link.auth),
    readOwnLogin(link),
    watchParent(link),
  ]);
  return {open, login, own, ...parent};
}

/** What is wrong with a server is an answer here; what is wrong on this side is not. */
function faultOf(error: unknown): RtopoError {
  if (error instanceof RtopoError && error.exit !== ExitCode.topology && error.exit !== ExitCode.usage) return error;
  throw error;
}

async function isOpen({parent, timeoutMs}: LinkUnderProbe): Promise<boolean | null> {
  try {
    await withConnection({...endpointOf(parent), auth: null}, timeoutMs, (connection) => connection.call('PING'));
    return true;
  } catch (error) {
    const {code} = faultOf(error);
    return code === 'AUTH_REQUIRED' ? false : null;
  }
}

async function tryLogin({parent, timeoutMs}: LinkUnderProbe, auth: Auth): Promise<TriedLogin> {
  const user = auth.username ?? 'default';
  try {
    await withConnection({...endpointOf(parent), auth}, timeoutMs, async (connection) => {
      await connection.call('PING');
      await connection.call('REPLCONF', ['capa', 'psync2']);
    });
  } catch (error) {
    const {code, message, details} = faultOf(error);
    const denied = code === 'NO_PERMISSION' ? (/'([\w|-]+)' command/.exec(String(details?.reply))?.[1] ?? null) : null;
    return {user, fault: denied === null ? {code, message} : null, denied};
  }
  return {user, fault: null, denied: (await mayPsync(parent, user, timeoutMs)) ? null : 'psync'};
}

/** PSYNC cannot be tried without its effect, so the server is asked what it would say; where it does not tell, nothing is concluded. */
async function mayPsync(parent: Instance, user: string, timeoutMs: number): Promise<boolean> {
  try {
    const verdict = await withConnection(endpointOf(parent), timeoutMs, (connection) =>
      connection.attempt('ACL', ['DRYRUN', user, 'PSYNC', '?', '-1']),
    );
    return typeof verdict !== 'string' || verdict === 'OK' || !/no permissions/i.test(verdict);
  } catch (error) {
    faultOf(error);
    return true;
  }
}

async function readOwnLogin({child, auth, timeoutMs}: LinkUnderProbe): Promise<OwnLogin> {
  const setting = async (connection: Connection, name: string): Promise<string | null> => {
    const pair = await connection.attempt('CONFIG', ['GET', name]);
    return Array.isArray(pair) && pair.length === 2 ? String(pair[1] ?? '') : null;
  };
  try {
    const [user, password, tls, stale] = await withConnection(endpointOf(child), timeoutMs, (connection) =>
      Promise.all(
        ['masteruser', 'masterauth', 'tls-replication', 'replica-serve-stale-data'].map((name) =>
          setting(connection, name),
        ),
      ),
    );
    return {
      user: user === null || user === undefined ? null : user === '' ? 'default' : user,
      password: await comparePassword(password ?? null, auth),
      tls: tls === 'yes' ? true : tls === 'no' ? false : null,
      servesStale: stale === 'yes' ? true : stale === 'no' ? false : null,
    };
  } catch (error) {
    faultOf(error);
    return {user: null, password: null, tls: null, servesStale: null};
  }
}

async function comparePassword(password: string | null, auth: Auth | null): Promise<OwnLogin['password']> {
  if (password === null) return null;
  if (password === '') return 'none';
  rememberSecret(password);
  return auth !== null && (await resolveCredentials(auth)).password === password ? 'declared' : 'another';
}

/** How long the parent is watched for replies that it refuses others with, in milliseconds: a wrong login knocks thousands of times a second. */
const WATCHED_MS = 120;

async function watchParent({parent, timeoutMs}: LinkUnderProbe): Promise<Pick<LinkProbe, 'protectedMode' | 'knocks'>> {
  try {
    return await withConnection(endpointOf(parent), timeoutMs, async (connection) => {
      const [mode, before] = await Promise.all([
        connection.attempt('CONFIG', ['GET', 'protected-mode']),
        refusals(connection),
      ]);
      await new Promise((resolve) => setTimeout(resolve, Math.min(WATCHED_MS, timeoutMs / 2)));
      const after = await refusals(connection);
      const rises = [...after].map(([code, count]) => ({code, count: count - (before.get(code) ?? 0)}));
      const most = rises.sort((a, b) => b.count - a.count)[0];
      return {
        protectedMode: Array.isArray(mode) && mode.length === 2 ? mode[1] === 'yes' : null,
        knocks: most !== undefined && most.count > 0 ? most : null,
      };
    });
  } catch (error) {
    faultOf(error);
    return {protectedMode: null, knocks: null};
  }
}

const REFUSALS = ['NOAUTH', 'WRONGPASS', 'NOPERM'] as const;

/** `errorstat_WRONGPASS:count=3`, from Redis 6.2 on. */
async function refusals(connection: Connection): Promise<Map<string, number>> {
  const info = parseInfo(String((await connection.attempt('INFO', ['errorstats'])) ?? ''));
  return new Map(
    REFUSALS.map((code) => {
      const count = /^count=(\d{1,15})/.exec(info.fields.get(`errorstat_${code}`) ?? '')?.[1];
      return [code, Number(count ?? 0)] as const;
    }),
  );
}
