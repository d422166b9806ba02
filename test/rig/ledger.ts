/**
 * Writers that never stop, and a ledger of every write that a server has acknowledged: what may not be lost when the master changes.
 * A writer goes to the other server when it is refused, as an application with both addresses would.
 */
import {connectRaw, type Raw, RawError} from './raw.js';
import {sleep, until} from './wait.js';

export interface Writable {
  readonly port: number;
  readonly raw: Raw;
}

export interface Ledger {
  /** Writes acknowledged so far, by server of the list. */
  acknowledged(): readonly number[];
  /** Refused because the server was a replica. */
  refused(): number;
  /** Nobody begins another write until the returned function is called; those that are on their way have had a moment to end. */
  hold(): Promise<() => void>;
  /** Ends the writers, and gives every acknowledged key that the server does not hold with its last acknowledged value. */
  close(): Promise<void>;
  lostOn(server: Writable): Promise<string[]>;
}

const KEYS = 400;

/** @param paceMs pause of a writer after each write: what is wanted is a witness, not a load */
export function startLedger(servers: readonly Writable[], writers = 4, paceMs = 0): Ledger {
  const last = new Map<string, string>();
  const counts = servers.map(() => 0);
  let [over, refused] = [false, 0];
  let [gate, open] = [null as Promise<void> | null, () => {}];
  const release = (): void => {
    gate = null;
    open();
  };
  const write = async (writer: number): Promise<void> => {
    let [at, raw] = [0, null as Raw | null];
    for (let n = 0; !over; n += 1) {
      const key = `ledger:${writer}:${n % KEYS}`;
      if (gate !== null) await gate;
      try {
        raw ??= await connectRaw({port: servers[at]!.port, timeoutMs: 5000});
        await raw.cmd('SET', key, n);
        last.set(key, String(n));
        counts[at]! += 1;
        if (paceMs > 0) await sleep(paceMs);
      } catch (error) {
        // Without a reply nobody knows: whatever the key holds now, it is not in the ledger.
        last.delete(key);
        if (over) break;
        if (error instanceof RawError) refused += 1;
        raw?.close();
        raw = null;
        at = (at + 1) % servers.length;
        await sleep(2);
      }
    }
    raw?.close();
  };
  const running = Array.from({length: writers}, (_, i) => write(i));
  return {
    acknowledged: () => [...counts],
    refused: () => refused,
    hold: async () => {
      release();
      gate = new Promise<void>((resolve) => {
        open = resolve;
      });
      await sleep(20);
      return release;
    },
    close: async () => {
      over = true;
      release();
      await Promise.all(running);
    },
    lostOn: async ({raw}) => {
      const keys = [...last.keys()];
      const held = await raw.pipeline(keys.map((key) => ['GET', key]));
      return keys.filter((key, i) => Number(held[i] ?? -1) < Number(last.get(key)));
    },
  };
}

/** Waits until so many more writes are acknowledged. */
export async function moreWrites(ledger: Ledger, count = 200): Promise<void> {
  const total = () => ledger.acknowledged().reduce((a, b) => a + b, 0);
  const from = total();
  await until(`${count} more writes`, () => total() >= from + count);
}

/** Watches that at no moment both servers lead, once one has followed the other. The one that comes later in the order of changes is asked first: the other way round a change in between would look like two. */
export function watchLeaders(
  old: Writable,
  next: Writable,
): {stop(): Promise<{both: number; none: number; looks: number}>} {
  const seen = {both: 0, none: 0, looks: 0};
  let [over, isPair] = [false, false];
  const leads = async ({raw}: Writable): Promise<boolean | null> => {
    try {
      return String(((await raw.cmd('ROLE')) as unknown[])[0]) === 'master';
    } catch {
      return null;
    }
  };
  const running = (async () => {
    while (!over) {
      const [after, before] = [await leads(next), await leads(old)];
      isPair ||= after === false || before === false;
      if (isPair && after === true && before === true) seen.both += 1;
      if (after === false && before === false) seen.none += 1;
      seen.looks += 1;
      await sleep(1);
    }
  })();
  return {
    stop: async () => {
      over = true;
      await running;
      return seen;
    },
  };
}
