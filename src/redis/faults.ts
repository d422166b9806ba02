/**
 * What can go wrong on the way to a server or in its reply, as RtopoErrors with a stable code.
 * Library errors stop here: ioredis' carry the arguments of the command, passwords included.
 */
import {ExitCode, escapeText, RtopoError, redact} from '../errors.js';
import {type Address, addressText} from '../topology/types.js';

/** Error replies by their first word. `reachable` ones say that a server is alive but will not serve this. */
const REPLY_CODES: Readonly<Record<string, {code: string; exit: ExitCode; remedy?: string}>> = {
  NOAUTH: {
    code: 'AUTH_REQUIRED',
    exit: ExitCode.unreachable,
    remedy: 'declare `auth:` with passwordEnv, passwordFile or passwordCommand in the topology file',
  },
  WRONGPASS: {
    code: 'AUTH_FAILED',
    exit: ExitCode.unreachable,
    remedy: 'check the user name and the password source under `auth:` in the topology file',
  },
  NOPERM: {
    code: 'NO_PERMISSION',
    exit: ExitCode.unreachable,
    remedy: 'grant the command to this user with ACL SETUSER',
  },
  DENIED: {
    code: 'PROTECTED_MODE',
    exit: ExitCode.unreachable,
    remedy: 'set a password on the server, or run rtopo on its own host: protected mode answers only loopback',
  },
  LOADING: {
    code: 'LOADING',
    exit: ExitCode.unreachable,
    remedy: 'wait until the server has loaded its data set, then run the command again',
  },
  BUSY: {
    code: 'BUSY',
    exit: ExitCode.unreachable,
    remedy: 'a script blocks the server: SCRIPT KILL ends it when it has not written yet',
  },
  MASTERDOWN: {code: 'MASTERDOWN', exit: ExitCode.unreachable},
  MISCONF: {
    code: 'MISCONF',
    exit: ExitCode.failed,
    remedy: 'the server cannot save to disk: look at its log and at rdb_last_bgsave_status',
  },
  READONLY: {code: 'READONLY', exit: ExitCode.failed},
  NOREPLICAS: {code: 'NOREPLICAS', exit: ExitCode.failed},
  OOM: {code: 'OOM', exit: ExitCode.failed, remedy: 'raise maxmemory on the server, or free memory'},
};

const MAX_CLIENTS = {
  code: 'MAX_CLIENTS',
  exit: ExitCode.unreachable,
  remedy:
    'raise maxclients on the server (CONFIG SET maxclients 20000), or find out who keeps so many connections open',
};

/** `NOPERM User ops has no permissions to run the 'config|get' command`, and `this user has` before Redis 7. */
const REFUSED_COMMAND = /^NOPERM (?:User (\S+)|this user) has no permissions to run the '([\w|-]+)' command/i;

/** The command that mends a NOPERM, as far as the reply names who may not do what. */
export function grantFor(reply: string, user = 'default'): string | null {
  const match = REFUSED_COMMAND.exec(reply);
  return match === null ? null : `ACL SETUSER ${escapeText(match[1] ?? user)} +${match[2]!.toLowerCase()}`;
}

/** An error reply of the server. `user`: who is logged in; Redis before 7 does not say whom it refuses a command. */
export function replyFault(address: Address, reply: string, doing: string, user = 'default'): RtopoError {
  const text = escapeText(redact(reply));
  const word = /^[A-Z]+/.exec(reply)?.[0] ?? '';
  const known = REPLY_CODES[word];
  // Protected mode too says that no password is set.
  const oldAuth = word === 'ERR' && /invalid password|without any password configured|no password is set/i.test(reply);
  const kind = oldAuth ? REPLY_CODES.WRONGPASS : /^ERR max number of clients/i.test(reply) ? MAX_CLIENTS : known;
  const remedy = (word === 'NOPERM' ? grantFor(text, user) : null) ?? kind?.remedy;
  return new RtopoError({
    code: kind?.code ?? 'SERVER_ERROR',
    exit: kind?.exit ?? ExitCode.failed,
    message: `${addressText(address)} refused ${doing}: ${text}`,
    ...(remedy === undefined ? {} : {remedy}),
    details: {address: addressText(address), reply: text},
  });
}

/** Of Node and of OpenSSL's verification: `ERR_TLS_…`, `CERT_HAS_EXPIRED`, `UNABLE_TO_VERIFY_LEAF_SIGNATURE`, `EPROTO`… */
const TLS_CODES = /^ERR_TLS|CERT|SSL|^EPROTO$|^UNABLE_TO_|SIGNATURE|^INVALID_(CA|PURPOSE)$|CRL|HOSTNAME_MISMATCH/;

interface TlsCause {
  readonly codes: RegExp;
  readonly name: string;
  readonly why: string;
  readonly remedy: (at: string) => string;
}

/** Why a handshake failed: the first that matches. */
const TLS_CAUSES: readonly TlsCause[] = [
  {
    codes: /ALTNAME|HOSTNAME_MISMATCH/,
    name: 'TLS_FAILED_NAME',
    why: 'because its certificate is for another name',
    remedy: () => 'set `serverName` under `tls:` in the topology file to a name that the certificate carries',
  },
  {
    codes: /EXPIRED|NOT_YET_VALID/,
    name: 'TLS_FAILED_EXPIRED',
    why: 'because its certificate is not valid today',
    remedy: (at) => `openssl s_client -connect ${at} </dev/null | openssl x509 -noout -dates`,
  },
  {
    codes: /SELF_SIGNED|UNABLE_TO_|SIGNATURE|INVALID_CA|UNTRUSTED|CRL|CERT_CHAIN|CERT_REVOKED|CERT_REJECTED/,
    name: 'TLS_FAILED_CA',
    why: 'because nobody that rtopo trusts has signed its certificate',
    remedy: () => 'set `ca` under `tls:` in the topology file to the file of the CA that signed it',
  },
  {
    codes: /^/,
    name: 'TLS_FAILED',
    why: 'before certificates were compared',
    remedy: () => 'check that the port speaks TLS, and ca, cert, key and serverName under `tls:` in the topology file',
  },
];

const LOST = 'if this port expects TLS, declare `tls:` in the topology file; else look at the log of the server';

/** A network, DNS or TLS failure on the way to `address`. The message of the library is not trusted with more than its code. */
export function networkFault(address: Address, error: unknown, doing: string): RtopoError {
  const at = addressText(address);
  const {code, message} = error as {code?: string; message?: string};
  const fault = (name: string, what: string, remedy?: string) =>
    new RtopoError({
      code: name,
      exit: ExitCode.unreachable,
      message: `${at} ${what}`,
      ...(remedy === undefined ? {} : {remedy}),
      details: {address: at, doing, ...(code === undefined ? {} : {errno: code})},
    });
  switch (code) {
    case 'ECONNREFUSED':
      return fault(
        'CONNECTION_REFUSED',
        'refused the connection: nothing listens there.',
        `start the server at ${at}, or mend its address in the topology file`,
      );
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return fault(
        'DNS_FAILED',
        `cannot be resolved: no address for the host name ${escapeText(address.host)}.`,
        `getent hosts ${escapeText(address.host)}`,
      );
    case 'ENOENT':
    case 'EACCES':
      return fault(
        code === 'ENOENT' ? 'CONNECTION_REFUSED' : 'SOCKET_PERMISSION',
        code === 'ENOENT' ? 'does not exist: no server has made that socket.' : 'may not be used by this user.',
        `ls -l ${address.host}; it is named by \`unixsocket\` and opened by \`unixsocketperm\` in the server's configuration`,
      );
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return fault('NO_ROUTE', 'cannot be reached: there is no route to the host.');
    case 'ETIMEDOUT':
      return timeoutFault(address, doing, null);
    case 'ECONNRESET':
    case 'EPIPE':
      return fault('CONNECTION_LOST', `closed the connection during ${doing}.`, LOST);
  }
  if (code !== undefined && TLS_CODES.test(code)) {
    const {name, why, remedy} = TLS_CAUSES.find(({codes}) => codes.test(code))!;
    return fault(name, `failed the TLS handshake, ${why} (${code}): ${escapeText(redact(message ?? ''))}`, remedy(at));
  }
  return fault('CONNECTION_LOST', `lost the connection during ${doing}${code ? ` (${code})` : ''}.`, LOST);
}

/** No answer in time. After a write this means "unknown", never "failed": re-read the state before deciding. */
export function timeoutFault(address: Address, doing: string, afterMs: number | null): RtopoError {
  return new RtopoError({
    code: 'TIMEOUT',
    exit: ExitCode.unreachable,
    message: `${addressText(address)} did not answer ${doing}${afterMs === null ? '' : ` within ${afterMs} ms`}.`,
    remedy: 'check that the server runs and is not stopped or overloaded; --timeout sets the limit',
    details: {address: addressText(address), doing},
  });
}
