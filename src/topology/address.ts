/**
 * Addresses as people write them: in the topology file, and as arguments and flags of the command line.
 *
 * The syntax is narrow on purpose. What is read here later stands in REPLICAOF, in messages and in commands to paste,
 * so nothing but host names, IP addresses and ports may pass: no spaces, no line breaks, no login.
 */
import {isIPv4, isIPv6} from 'node:net';
import {escapeText, usageError} from '../errors.js';
import type {Address} from './types.js';

export type AddressReading =
  | {readonly ok: true; readonly address: Address}
  /** `problem` is a sentence that can follow a label and a colon. It never holds what may be a password. */
  | {readonly ok: false; readonly problem: string};

const PORT = '(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})';
const OCTET = '(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])';
const IPV4 = `${OCTET}(?:\\.${OCTET}){3}`;
// A name made of digits and dots only would be a mistyped IPv4 address.
const NAME = '(?![0-9.]+:)[A-Za-z0-9_][A-Za-z0-9._-]{0,252}';
const IPV6 = '\\[[0-9A-Fa-f:.]{2,45}\\]';
/** `sun_path` holds 108 bytes with its end. No commas and equals signs, which separate addresses on the command line. */
const SOCKET = '(?:/(?!\\.\\.?(?:/|$))[A-Za-z0-9._+-]+)+';
const MAX_SOCKET_BYTES = 107;

const TCP = `(?:(?:redis|valkey)://(?=[^/]+/?$)|(?=[^/]+$))(?:${IPV4}|${NAME}|${IPV6}):${PORT}/?`;

/** What the JSON Schema says of an address; a little wider than `readAddress`, which also judges IPv6 in full. */
export const ADDRESS_PATTERN = new RegExp(`^(?:${TCP}|(?:unix:)?(?=.{1,${MAX_SOCKET_BYTES}}$)${SOCKET})$`);
/** The same of one that other servers dial. */
export const TCP_PATTERN = new RegExp(`^${TCP}$`);

const EXAMPLE = 'write host:port, for example 10.0.0.1:6379';

/** Reads `host:port`, `[ipv6]:port` or `redis://host:port`, and never guesses the port; and `unix:/path`, or the path alone. */
export function readAddress(text: string): AddressReading {
  if (/^(?:unix:)?\//.test(text)) return readSocket(text.replace(/^unix:/, ''));
  return readTcpAddress(text);
}

/** The same without sockets: for what other servers dial. */
export function readTcpAddress(text: string): AddressReading {
  const misuse = misuseOf(text);
  if (misuse !== null) {
    return {ok: false, problem: misuse};
  }
  const bare = text.replace(/^(?:redis|valkey):\/\/([^/]*)\/?$/, '$1');
  if (bare.includes('/')) {
    return {
      ok: false,
      problem: `more than a host and a port: a path or a database number is not part of an address; ${EXAMPLE}`,
    };
  }
  const parts = /^(?:\[([^\]]*)\]|([^:]*))(?::([^:]*))?$/.exec(bare);
  if (parts === null) {
    return {
      ok: false,
      problem: `more than one colon: ${EXAMPLE}, and an IPv6 host goes in brackets: [2001:db8::1]:6379`,
    };
  }
  const [, ipv6, name, port] = parts;
  const problem = ipv6 === undefined ? nameProblem(name ?? '') : ipv6Problem(ipv6);
  if (problem !== null) {
    return {ok: false, problem};
  }
  if (port === undefined) {
    return {ok: false, problem: `${shown(bare)} has no port: ${EXAMPLE}`};
  }
  if (!new RegExp(`^${PORT}$`).test(port)) {
    return {ok: false, problem: portProblem(port)};
  }
  // One spelling per host, so that addresses can be compared as text: DNS ignores case, IPv6 has many forms.
  const host = ipv6 === undefined ? (name ?? '').toLowerCase() : new URL(`http://[${ipv6}]`).hostname.slice(1, -1);
  return {ok: true, address: {host, port: Number(port)}};
}

/** An address from the command line. Throws wrong usage (exit 64); `label` says which argument or flag it was. */
export function parseAddress(text: string, label = 'Address'): Address {
  return parsed(readAddress(text), label);
}

/** The same of one that other servers have to dial. */
export function parseTcpAddress(text: string, label: string): Address {
  return parsed(readTcpAddress(text), label);
}

function parsed(reading: AddressReading, label: string): Address {
  if (reading.ok) {
    return reading.address;
  }
  throw usageError({code: 'ADDRESS_INVALID', message: `${label}: ${reading.problem}.`});
}

function readSocket(path: string): AddressReading {
  if (path.length > MAX_SOCKET_BYTES)
    return {ok: false, problem: `the path of a Unix socket has at most ${MAX_SOCKET_BYTES} bytes`};
  if (new RegExp(`^${SOCKET}$`).test(path)) return {ok: true, address: {host: path, port: 0}};
  return {
    ok: false,
    problem:
      'the path of a Unix socket is absolute, made of letters, digits, ".", "_", "+" and "-", without empty parts and ".."',
  };
}

/** What is not an address at all, or is one that carries something rtopo does not take from addresses. */
function misuseOf(text: string): string | null {
  if (text === '') {
    return `empty: ${EXAMPLE}`;
  }
  if (text.includes('@')) {
    // Never echoed: what stands before the @ is likely a password.
    return 'a user name or password is not part of an address: declare auth with passwordEnv, passwordFile or passwordCommand';
  }
  if (text.startsWith('/') || text.startsWith('.') || /^unix:/i.test(text)) {
    return `a Unix socket is its absolute path, and no address that other servers can dial: ${EXAMPLE}`;
  }
  if (/^(?:rediss|valkeys):/i.test(text)) {
    return `TLS is declared with the key tls, not in the address: ${EXAMPLE}`;
  }
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text) && !/^(?:redis|valkey):\/\//.test(text)) {
    return `this kind of URL is not supported: ${EXAMPLE}`;
  }
  return null;
}

function nameProblem(host: string): string | null {
  if (host === '') {
    return `no host: ${EXAMPLE}`;
  }
  if (!/^[A-Za-z0-9._-]+$/.test(host)) {
    return `the host ${shown(host)} holds more than letters, digits, ".", "_" and "-": ${EXAMPLE}`;
  }
  if (/^[-.]/.test(host)) {
    return `the host ${shown(host)} begins with ${shown(host.charAt(0))}: ${EXAMPLE}`;
  }
  if (host.length > 253) {
    return 'the host is longer than the 253 characters of a DNS name';
  }
  if (/^[0-9.]+$/.test(host) && !isIPv4(host)) {
    return `the host ${shown(host)} is not an IPv4 address: four numbers from 0 to 255, without leading zeros`;
  }
  return null;
}

function ipv6Problem(host: string): string | null {
  if (/^[0-9A-Fa-f:.]+$/.test(host) && isIPv6(host)) {
    return null;
  }
  return `${shown(`[${host}]`)} is not an IPv6 address in brackets, for example [2001:db8::1]:6379`;
}

function portProblem(port: string): string {
  if (!/^[0-9]+$/.test(port)) {
    // Not echoed: somebody may have written user:password.
    return `the port is not a number: ${EXAMPLE}`;
  }
  if (/^0[0-9]/.test(port)) {
    return `the port ${shown(port)} has a leading zero: write ${shown(String(Number(port)))}`;
  }
  return `the port ${shown(port)} is not a number from 1 to 65535`;
}

function shown(text: string): string {
  return `"${escapeText(text.length > 60 ? `${text.slice(0, 60)}…` : text)}"`;
}
