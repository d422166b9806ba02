/** What can happen to a server in the middle of a move: how it comes, and what an operator does about it afterwards. */
import {copyFileSync} from 'node:fs';
import {join} from 'node:path';
import {durable} from '../migration/field.js';
import {generate} from '../rig/data.js';
import type {Arg} from '../rig/raw.js';
import type {Rig, Server, ServerSpec} from '../rig/servers.js';
import {sleep} from '../rig/wait.js';
import type {TcpProxy} from './proxy.js';
import {dataOf, partsOf, placersOf, type Scene, type Shape} from './scene.js';

export type Side = 'source' | 'target';

/** The server that has the fault. */
export interface Patient {
  readonly server: Server;
  /** What stands before it. */
  readonly proxy: TcpProxy;
  readonly rig: Rig;
}

export interface ServerFault {
  /** How the patient is started; durable where nothing is said. */
  readonly spec?: ServerSpec;
  /** `--timeout` of the run, default 2s. */
  readonly timeout?: string;
  /** The run must get through it by itself. */
  readonly survives?: true;
  /** The patient's data may be another afterwards: only what is still there then is owed. */
  readonly losesData?: true;
  /** The lock cannot be given back there: it ends with its lease. */
  readonly keepsLock?: true;
  /** Before the data is written. */
  readonly prepare?: (patient: Patient, past: Past) => Promise<void>;
  /** After the data is written, before the run. */
  readonly arm?: (patient: Patient) => Promise<void>;
  /** While the run is frozen. What it gives back happens while the run goes on. */
  readonly strike: (patient: Patient) => Promise<(() => Promise<void>) | undefined>;
  /** After the run has ended: the operator's part before the resume. */
  readonly mend?: (patient: Patient) => Promise<void>;
}

export interface Past {
  readonly side: Side;
  readonly shape: Shape;
  readonly seed: number;
  readonly endpoints: Scene['endpoints'];
}

const snapshots: ServerSpec = {args: ['--save', '3600 1']};
const longAgo = (server: Server): string => join(server.dir, 'long-ago.rdb');
const dumpOf = (server: Server): string => join(server.dir, 'dump.rdb');

/** A snapshot from long ago: other values under a third of the names that belong here, or will. */
async function rememberLongAgo({server}: Patient, {side, shape, seed, endpoints}: Past): Promise<void> {
  const placers = placersOf({shape, endpoints});
  const place = side === 'source' ? placers.from : placers.to;
  const here = generate(dataOf(seed), 0).filter(({key}) => place(key) === partsOf(shape)[side]);
  const old = here
    .filter((_, i) => i % 3 === 0)
    .flatMap(({db, key}): Arg[][] => [
      ['SELECT', db],
      ['SET', key, 'from long ago'],
    ]);
  await server.raw.pipeline([...old, ['SELECT', 0]]);
  await server.raw.cmd('SAVE');
  copyFileSync(dumpOf(server), longAgo(server));
  // FLUSHALL saves the empty state where snapshots are on.
  await server.raw.cmd('FLUSHALL');
  copyFileSync(longAgo(server), dumpOf(server));
}

async function restored({server}: Patient): Promise<undefined> {
  await server.kill();
  copyFileSync(longAgo(server), dumpOf(server));
  await server.restart();
}

/** Another server has taken over its data and its part; the patient follows it, and accepts no writes. */
function demoted(): ServerFault {
  let heir: Server;
  return {
    keepsLock: true,
    arm: async ({server, rig}) => {
      heir = await rig.start();
      await rig.replicate(heir, server);
    },
    strike: async ({server}) => {
      await heir.raw.cmd('REPLICAOF', 'NO', 'ONE');
      await server.raw.cmd('REPLICAOF', heir.host, heir.port);
      return undefined;
    },
    mend: async ({server}) => {
      await server.raw.cmd('REPLICAOF', 'NO', 'ONE');
    },
  };
}

/** The address leads to a server that knows nothing of all this. */
function replaced(): ServerFault {
  let stranger: Server;
  return {
    arm: async ({rig}) => {
      stranger = await rig.start(durable);
    },
    strike: async ({proxy}) => {
      proxy.lead(stranger.port);
      return undefined;
    },
    mend: async ({server, proxy}) => proxy.lead(server.port),
  };
}

/** Each gives a fresh one: some remember what they did. */
export const serverFaults = {
  killed: (): ServerFault => ({
    strike: async ({server}) => void (await server.kill()),
    mend: ({server}) => server.restart(),
  }),
  restarted: (): ServerFault => ({strike: async ({server}) => void (await server.restart())}),
  'restarted-empty': (): ServerFault => ({
    losesData: true,
    strike: async ({server}) => void (await server.restart({empty: true})),
  }),
  // It comes back with what its own last snapshot holds: from long ago, or the one that was made for the move.
  'restarted-old': (): ServerFault => ({
    spec: snapshots,
    losesData: true,
    prepare: rememberLongAgo,
    strike: async ({server}) => void (await server.restart()),
  }),
  // Somebody puts an old snapshot in its place.
  'restored-old': (): ServerFault => ({spec: snapshots, losesData: true, prepare: rememberLongAgo, strike: restored}),
  'stopped-3s': (): ServerFault => ({
    timeout: '8s',
    survives: true,
    strike: async ({server}) => {
      server.pause();
      return async () => {
        await sleep(3000);
        server.resume();
      };
    },
  }),
  stopped: (): ServerFault => ({
    timeout: '1s',
    strike: async ({server}) => void server.pause(),
    mend: async ({server}) => server.resume(),
  }),
  demoted,
  replaced,
} satisfies Record<string, () => ServerFault>;
export type ServerFaultName = keyof typeof serverFaults;
