/**
 * Which of the addresses that servers announce may be dialled: those that the operator has confirmed beforehand. A server can be made
 * to announce any address (REPLICAOF and REPLCONF take what they are given), and a dialled one is shown the login.
 */
import {BlockList, isIP} from 'node:net';
import {escapeText, usageError} from '../errors.js';
import {readTcpAddress} from './address.js';
import type {Address} from './types.js';

/** Never meant by a network, because they mean another host on every host, or none, or many. */
const SPECIAL: readonly [string, number][] = [
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  ['224.0.0.0', 3],
  ['::', 128],
  ['::1', 128],
  ['ff00::', 8],
];

const special = new BlockList();
for (const [network, prefix] of SPECIAL) special.addSubnet(network, prefix, familyOf(network));

export class FollowRules {
  /** Hosts by exact name or address, in the spelling of `readTcpAddress`. */
  readonly #exact = new Set<string>();
  readonly #networks = new BlockList();

  /** Networks in CIDR form, single addresses, host names. @throws RtopoError exit 64 */
  constructor(rules: readonly string[]) {
    for (const rule of rules) this.#add(rule);
  }

  /** Loopback addresses and host names only when they were confirmed as such, other addresses also by a network. */
  allows({host}: Address): boolean {
    const plain = unmapped(host.toLowerCase());
    if (this.#exact.has(plain)) return true;
    if (isIP(plain) === 0 || special.check(plain, familyOf(plain))) return false;
    return this.#networks.check(plain, familyOf(plain));
  }

  #add(rule: string): void {
    const [host = '', prefixText, ...rest] = rule.split('/');
    const address = host.replace(/^\[(.*)\]$/, '$1');
    const bits = isIP(address) === 4 ? 32 : 128;
    if (prefixText === undefined) {
      this.#addHost(rule, address);
      return;
    }
    const prefix = /^\d{1,3}$/.test(prefixText) ? Number(prefixText) : Number.NaN;
    if (isIP(address) === 0 || rest.length > 0 || !(prefix <= bits))
      throw wrong(rule, 'is not a network: an address, a slash, and the number of bits');
    if (prefix === 0) throw wrong(rule, 'is every address there is, so that a server could have anything dialled');
    if (prefix === bits) this.#addHost(rule, address);
    else if (special.check(unmapped(address), familyOf(unmapped(address))))
      throw wrong(rule, 'holds loopback or special addresses, which are followed only one by one: --follow 127.0.0.1');
    else this.#networks.addSubnet(address, prefix, familyOf(address));
  }

  #addHost(rule: string, host: string): void {
    const reading = readTcpAddress(`${isIP(host) === 6 ? `[${host}]` : host}:1`);
    if (!reading.ok) throw wrong(rule, 'is neither a network, nor an address, nor a host name');
    this.#exact.add(unmapped(reading.address.host));
  }
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}

/** An IPv4 address in the clothes of an IPv6 one leads to the same host: `::ffff:7f00:1` is 127.0.0.1. */
function unmapped(host: string): string {
  const hex = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(host);
  if (hex === null) return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(host)?.[1] ?? host;
  const [high, low] = [Number.parseInt(hex[1]!, 16), Number.parseInt(hex[2]!, 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

function wrong(rule: string, why: string): Error {
  return usageError({
    message: `--follow: '${escapeText(rule.slice(0, 80))}' ${why}.`,
    remedy: '--follow 10.0.0.0/24, --follow 2001:db8::/64, or an address or a host name by itself',
  });
}
