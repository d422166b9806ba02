/**
 * Asks further where something is wrong, everything at once and within one deadline. Changes nothing, and dials declared addresses only.
 * What a server does not permit, or does not answer in time, stays unknown.
 */
import {ExitCode, RtopoError} from '../errors.js';
import {type Connection, endpointOf, withConnection} from '../redis/connect.js';
import {infoNumber, parseInfo} from '../redis/info.js';
import {addressText, type Instance, type Topology} from '../topology/types.js';
import {sentinelsAt, takesNoOrders} from './authority.js';
import type {Observation} from './observe.js';
import {probeLink} from './probe-link.js';
import type {LinkProbe, Probes} from './probes.js';
import type {Suspects} from './suspects.js';

/** A rate needs so much time between its two samples, in milliseconds. */
const BETWEEN_SAMPLES_MS = 150;

export interface Probing {
  readonly topology: Topology;
  readonly observation: Observation;
  /** For everything together, in milliseconds. */
  readonly timeoutMs: number;
}

/** @throws RtopoError for what is wrong on this side: no secret, no TLS file */
export async function probe(suspects: Suspects, probing: Probing): Promise<Probes> {
  const {topology} = probing;
  // Up to four steps follow one another on a connection, or on two.
  const timeoutMs = Math.ceil(probing.timeoutMs / 4);
  const onConnection = <T>(at: Instance, ask: (connection: Connection) => Promise<T>): Promise<T> =>
    withConnection(endpointOf(at), timeoutMs, ask);
  const [links, writeRates, sentinels, disobedient] = await Promise.all([
    collect(suspects.links, ({child, parent}) =>
      known<LinkProbe>(probeLink({child, parent, auth: topology.replicationAuth ?? parent.auth, timeoutMs})).then(
        (found) => [addressText(child.address), found] as const,
      ),
    ),
    collect(
      suspects.roots,
      async (root) => [addressText(root.address), await known(writeRate(root, {...probing, timeoutMs}))] as const,
    ),
    collect(
      suspects.sentinels,
      async (at) => [addressText(at.address), await known(onConnection(at, sentinelsAt))] as const,
    ),
    collect(
      suspects.orders,
      async (at) => [addressText(at.address), await known(onConnection(at, takesNoOrders))] as const,
    ),
  ]);
  const none = [...disobedient].filter(([, is]) => is).map(([at]) => at);
  const attached = new Map([...sentinels].filter(([, names]) => names.length > 0));
  return {links, writeRates, sentinels: attached, disobedient: new Set(none)};
}

async function collect<S, T>(
  subjects: readonly S[],
  ask: (subject: S) => Promise<readonly [string, T | null]>,
): Promise<Map<string, T>> {
  const answers = await Promise.all(subjects.map(ask));
  return new Map(answers.filter((answer): answer is readonly [string, T] => answer[1] !== null));
}

/** A server that has gone since, or does not permit the question, makes nothing known. */
async function known<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (!(error instanceof RtopoError) || error.exit === ExitCode.topology || error.exit === ExitCode.usage)
      throw error;
    return null;
  }
}

/** Bytes per second that are written at a root: from its first sample to another one now. */
function writeRate(root: Instance, {observation, timeoutMs}: Probing): Promise<number | null> {
  const first = observation.byAddress.get(addressText(root.address));
  if (!first?.reachable) return Promise.resolve(null);
  const {lineage} = first.facts;
  return withConnection(endpointOf(root), timeoutMs, async (connection) => {
    await rest(Math.min(timeoutMs / 2, first.atMs + BETWEEN_SAMPLES_MS - Date.now()));
    const info = parseInfo(String(await connection.call('INFO', ['replication'])));
    const [offset, seconds] = [infoNumber(info, 'master_repl_offset'), (Date.now() - first.atMs) / 1000];
    if (info.fields.get('master_replid') !== lineage.replid || offset === null || seconds <= 0) return null;
    return Math.max(0, offset - lineage.offset) / seconds;
  });
}

export function rest(ms: number): Promise<void> {
  return ms <= 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, ms));
}
