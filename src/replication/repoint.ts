/** A server is told to follow another one, and the order outlives a restart. What it holds must be in that one's history. */
import {ExitCode, RtopoError} from '../errors.js';
import {type Auth, addressText} from '../topology/types.js';
import type {Following} from './follow.js';
import {whyNotFree} from './judge-free.js';
import {awaitLink, isOrdered} from './link.js';
import {Orders, type Persisted, persist, replicaOf, setLogin} from './orders.js';
import {redisCli} from './redis-cli.js';
import {Watched} from './sight.js';

export interface RepointOptions {
  readonly login: Auth | null;
  readonly commandTimeoutMs: number;
  readonly linkTimeoutMs: number;
  /** What it holds and its new parent does not may go: somebody has named it. */
  readonly isExpendable?: boolean;
}

/** @throws RtopoError when it would lose keys (exit 3), when it does not answer (5), or when the link does not come up (4) */
export async function repoint(pair: Following, options: RepointOptions): Promise<Persisted> {
  const [child, parent] = [
    new Watched(pair.child, options.commandTimeoutMs),
    new Watched(pair.parent, options.commandTimeoutMs),
  ];
  try {
    const seen = {child: (await child.look()).facts, parent: (await parent.look()).facts};
    const step = {do: 'replicate-from' as const, instance: pair.child, parent: pair.parent};
    const orders = new Orders(await child.connection());
    if (!isOrdered({...step, ...UNJUDGED}, seen.child)) {
      const notFree = whyNotFree(seen.child, seen.parent);
      if (notFree !== null && options.isExpendable !== true) throw wouldLose(pair, notFree.why);
      await setLogin(orders, {auth: options.login, masters: [pair.parent]});
      await replicaOf(orders, pair.child, [pair.parent.peer.host, pair.parent.peer.port]);
    }
    const persisted = await persist(orders);
    await awaitLink(await child.connection(), {...step, ...UNJUDGED}, options);
    return persisted;
  } finally {
    child.close();
    parent.close();
  }
}

/** Parts of a planned step that say what it costs; here that is judged on the spot. */
const UNJUDGED = {level: 1, resync: 'partial' as const, keysAtRisk: 0};

function wouldLose({child, parent}: Following, why: string): RtopoError {
  const at = addressText(child.address);
  return new RtopoError({
    code: 'WOULD_WIPE',
    exit: ExitCode.refused,
    message: `${at} ${why}: as a replica of ${addressText(parent.address)} it would lose that. It was left as it is.`,
    remedy: `look at what it holds: ${redisCli(child, 'INFO keyspace')}`,
  });
}
