/**
 * From server to server along the replication links, as far as the operator has confirmed. Asks ROLE and INFO, changes nothing.
 * What a server announces is untrusted: it is dialled only when it was named or is under a rule, and never without a limit.
 */
import {escapeText, type RtopoError} from '../errors.js';
import {type Observed, observeAll} from '../redis/fleet.js';
import type {ServerFacts} from '../redis/identity.js';
import type {Announced} from '../report/discover.js';
import {readAddress, readTcpAddress} from '../topology/address.js';
import {type Address, type Auth, addressText, type Tls} from '../topology/types.js';

export interface WalkOptions {
  readonly named: readonly Address[];
  /** May this announced address be dialled? */
  readonly allows: (address: Address) => boolean;
  readonly auth: Auth | null;
  readonly tls: Tls | null;
  /** For each server, in milliseconds. */
  readonly timeoutMs: number;
  /** Addresses dialled at most. */
  readonly limit: number;
}

/** One address that was dialled and answered. */
export interface Found {
  readonly address: Address;
  readonly facts: ServerFacts;
  /** Where the address led. */
  readonly ip: string | null;
}

export interface Walk {
  /** In the order in which they were asked: named ones first. */
  readonly found: readonly Found[];
  readonly silent: readonly {readonly address: Address; readonly fault: RtopoError}[];
  readonly announced: readonly Announced[];
  /** Announcements that were not even kept. */
  readonly announcedMore: number;
}

/** A chain that is longer than this is made up. */
const MOST_WAVES = 16;
/** Announcements kept for the report. One server can list thousands. */
const MOST_ANNOUNCED = 500;

export async function walk(options: WalkOptions): Promise<Walk> {
  const asked = new Map<string, Observed>();
  const notes = new Announcements();
  let wave = distinct(options.named);
  for (let n = 0; wave.length > 0 && n < MOST_WAVES; n += 1) {
    const {auth, tls, timeoutMs} = options;
    const answers = await observeAll(
      wave.map((address) => ({address, auth, tls})),
      timeoutMs,
    );
    for (const [i, address] of wave.entries()) asked.set(addressText(address), answers[i]!);
    wave = nextWave(wave, {asked, notes, isLast: n === MOST_WAVES - 1}, options);
  }
  const all = [...asked].map(([text, observed]) => ({address: addressOf(text), observed}));
  return {
    found: all.flatMap(({address, observed}) =>
      observed.reachable ? [{address, facts: observed.facts, ip: observed.ip}] : [],
    ),
    silent: all.flatMap(({address, observed}) => (observed.reachable ? [] : [{address, fault: observed.fault}])),
    // A name that was not confirmed when it was heard may have been asked under a later one.
    announced: notes.list.filter(({address}) => !asked.has(address)),
    announcedMore: notes.more,
  };
}

interface State {
  readonly asked: ReadonlyMap<string, Observed>;
  readonly notes: Announcements;
  readonly isLast: boolean;
}

/** What the servers of this wave announce: noted, or to be asked next. */
function nextWave(wave: readonly Address[], {asked, notes, isLast}: State, options: WalkOptions): Address[] {
  const next = new Map<string, Address>();
  for (const from of wave) {
    const observed = asked.get(addressText(from));
    if (observed?.reachable !== true) continue;
    const {facts} = observed;
    const by = addressText(from);
    for (const {host, port, as} of announcements(facts)) {
      const address = readHost(host, port);
      const note = (why: Announced['why']): void => notes.add({address: shown(host, port), by, as, why});
      if (address === null) note('not-an-address');
      else if (asked.has(addressText(address)) || next.has(addressText(address))) continue;
      else if (facts.tampered.length > 0) note('forged');
      else if (!options.allows(address)) note('not-confirmed');
      else if (isLast || asked.size + next.size >= options.limit) note('limit');
      else next.set(addressText(address), address);
    }
  }
  return [...next.values()];
}

/** The parent that it follows, and the children that it lists. A port 0 is a replica that announced none. */
function announcements({role, replicas}: ServerFacts): {host: string; port: number; as: Announced['as']}[] {
  return [
    ...(role.kind === 'replica' ? [{host: role.host, port: role.port, as: 'master' as const}] : []),
    ...replicas.map(({host, port}) => ({host, port, as: 'replica' as const})),
  ];
}

class Announcements {
  readonly list: Announced[] = [];
  more = 0;
  readonly #known = new Set<string>();

  add(one: Announced): void {
    const key = JSON.stringify([one.address, one.as]);
    if (this.#known.has(key)) return;
    if (this.list.length >= MOST_ANNOUNCED) {
      this.more += 1;
      return;
    }
    this.#known.add(key);
    this.list.push(one);
  }
}

function readHost(host: string, port: number): Address | null {
  const reading = readTcpAddress(`${host.includes(':') ? `[${host}]` : host}:${port}`);
  return reading.ok ? reading.address : null;
}

/** Of a host name that somebody made up, so much is shown. */
const LONGEST_HOST = 100;

function shown(host: string, port: number): string {
  const address = readHost(host, port);
  return address === null ? escapeText(`${host.slice(0, LONGEST_HOST)}:${port}`) : addressText(address);
}

function addressOf(text: string): Address {
  const reading = readAddress(text);
  if (!reading.ok) throw new Error('an address was read once and cannot be read again');
  return reading.address;
}

function distinct(addresses: readonly Address[]): Address[] {
  return [...new Map(addresses.map((address) => [addressText(address), address])).values()];
}
