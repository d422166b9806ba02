/** `withServers`: real servers for one test. Started, used, and gone when the test ends, however it ends. */
import {freePort, lastLines, makeDir, removeDir} from './processes.js';
import {RigServer, type Server, type ServerSpec} from './server.js';
import {until, withDeadline} from './wait.js';

export type {Server, ServerSpec} from './server.js';

export interface Rig {
  /** A directory of this test, removed at its end: home of the CLI, topology files. */
  readonly dir: string;
  /** One more server. */
  start(spec?: ServerSpec): Promise<Server>;
  /** REPLICAOF, and wait until the link is up and the first sync is over. */
  replicate(replica: Server, master: Server): Promise<void>;
  /** Waits until the replicas have all that the master has written. */
  caughtUp(master: Server, ...replicas: Server[]): Promise<void>;
  until<T>(what: string, check: () => T | Promise<T>, timeoutMs?: number): Promise<NonNullable<T>>;
  /** An address at which nobody listens. */
  deadAddress(): Promise<string>;
  /** Run at the end, last first, also after a failure. */
  defer(cleanup: () => unknown): void;
}

async function replicate(replica: Server, master: Server): Promise<void> {
  await replica.raw.cmd('REPLICAOF', master.host, master.port);
  await until(`the link of ${replica.name} to ${master.name}`, async () => {
    const info = await replica.raw.info('replication');
    return info.master_link_status === 'up' && info.master_sync_in_progress === '0';
  });
}

async function caughtUp(master: Server, ...replicas: Server[]): Promise<void> {
  const offset = Number((await master.raw.info('replication')).master_repl_offset);
  for (const replica of replicas) {
    await until(`${replica.name} at offset ${offset} of ${master.name}`, async () => {
      const info = await replica.raw.info('replication');
      return info.master_link_status === 'up' && Number(info.slave_repl_offset) >= offset;
    });
  }
}

/** Starts the servers in parallel, runs `body`, and leaves nothing behind. The result is that of `body`. */
export async function withServers<T>(
  wanted: number | readonly ServerSpec[],
  body: (servers: readonly Server[], rig: Rig) => Promise<T>,
  options: {readonly timeoutMs?: number} = {},
): Promise<T> {
  const specs = typeof wanted === 'number' ? Array.from({length: wanted}, (): ServerSpec => ({})) : wanted;
  const servers: RigServer[] = [];
  const cleanups: (() => unknown)[] = [];
  let over = false;
  const start = async (spec: ServerSpec = {}): Promise<Server> => {
    if (over) throw new Error('the test that asked for this server is over');
    const server = new RigServer(spec, servers.length);
    servers.push(server);
    await server.start();
    return server;
  };
  const dir = makeDir('rtopo-test-');
  const deadAddress = async () => `127.0.0.1:${await freePort()}`;
  const rig: Rig = {dir, start, replicate, caughtUp, until, deadAddress, defer: (cleanup) => cleanups.push(cleanup)};
  try {
    return await withDeadline(`test with ${specs.length} servers`, options.timeoutMs ?? 60_000, async () => {
      const results = await Promise.allSettled(specs.map(start));
      for (const result of results) if (result.status === 'rejected') throw result.reason;
      return body([...servers], rig);
    });
  } catch (error) {
    for (const server of servers)
      console.error(`--- ${server.name} (${server.address})\n${lastLines(server.log(), 8)}`);
    throw error;
  } finally {
    over = true;
    await tidy(cleanups, servers);
    removeDir(dir);
  }
}

/** Everything is ended, whatever fails on the way; what failed is said. */
async function tidy(cleanups: readonly (() => unknown)[], servers: readonly RigServer[]): Promise<void> {
  const faults: unknown[] = [];
  for (const cleanup of [...cleanups].reverse()) {
    await withDeadline('a cleanup of the test', 20_000, async () => cleanup()).catch((error) => faults.push(error));
  }
  const ends = await Promise.allSettled(servers.map((server) => server.dispose()));
  for (const end of ends) if (end.status === 'rejected') faults.push(end.reason);
  for (const fault of faults) console.error('--- while tidying up:', fault);
}
