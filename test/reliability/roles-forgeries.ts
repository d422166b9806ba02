/** Text that a server repeats in INFO as if it were its own: a master with line breaks in its name, a replica that lies about itself. */
import {once} from 'node:events';
import {connect} from 'node:net';
import {encode} from '../rig/resp.js';
import {linksUp} from './roles-names.js';
import type {Standing} from './roles-standing.js';
import type {World} from './roles-world.js';

const LINES = 'x\r\nrole:master\r\nmaster_replid:0000000000000000000000000000000000000000\r\nconnected_slaves:0';

/** REPLICAOF takes any text for a host, and INFO prints it. */
const parent: Standing = {
  at: {
    repoint: ['candidate', 'sub'],
    attach: ['candidate', 'sibling'],
    failover: ['candidate', 'sibling'],
    pause: ['candidate', 'sibling'],
    dead: ['candidate', 'sibling'],
  },
  isEarly: true,
  arm: async (world, role) => {
    const {raw} = world.cast[role];
    const [kind, host, port] = (await raw.cmd('ROLE')) as unknown[];
    await raw.cmd('REPLICAOF', LINES, 1);
    world.loose.delete(world.cast[role]);
    return {
      exits: [3, 5],
      says: /INFO_TAMPERED|CANDIDATE_UNFIT/,
      mend: async () => {
        const back = String(kind) === 'master' ? ['NO', 'ONE'] : [String(host), String(port)];
        await raw.cmd('REPLICAOF', ...back);
        await linksUp(world);
      },
    };
  },
};

/** Says that it is a replica at an address of its choice, far ahead of all others. */
async function pretend(world: World): Promise<() => void> {
  const {port} = world.cast.master;
  const socket = connect({host: '127.0.0.1', port});
  socket.on('error', () => undefined);
  // One at a time: SYNC is refused while a reply is still on its way.
  const say = async (...words: string[]): Promise<void> => {
    socket.write(encode(words));
    await once(socket, 'data');
  };
  await say('REPLCONF', 'listening-port', '1');
  await say('REPLCONF', 'ip-address', '10.0.0.9,port=1,state=online,offset=999999999,lag=0\r\nrole:slave');
  socket.write(encode(['SYNC']));
  socket.resume();
  const {raw} = world.cast.master;
  await world.rig.until('the pretender to be listed', async () =>
    (await raw.text('INFO', 'replication')).includes('10.0.0.9'),
  );
  return () => socket.destroy();
}

const pretender: Standing = {
  // Valkey 8 does not list it.
  isPlain: true,
  at: {attach: ['master'], repoint: ['master'], failover: ['master'], pause: ['master']},
  arm: async (world) => {
    const leave = await pretend(world);
    return {
      exits: [0, 3, 5],
      says: /INFO_TAMPERED|FAILOVER_UNUSABLE|UNDECLARED|10\.0\.0\.9/,
      mend: async () => {
        leave();
        const {raw} = world.cast.master;
        await world.rig.until(
          'the pretender to be gone',
          async () => !(await raw.text('INFO', 'replication')).includes('10.0.0.9'),
        );
      },
    };
  },
};

/** A replica announces an address that is more than an address. */
const announcement: Standing = {
  at: {attach: ['sibling'], repoint: ['sibling'], failover: ['candidate', 'sibling'], pause: ['candidate']},
  arm: async (world, role) => {
    const {raw} = world.cast[role];
    const set = async (text: string): Promise<void> => {
      await raw.cmd('CONFIG', 'SET', 'replica-announce-ip', text);
      await world.cast.master.raw.cmd('CLIENT', 'KILL', 'TYPE', 'replica').catch(() => undefined);
      await linksUp(world);
    };
    await set('10.0.0.9,port=1\r\nrole:slave');
    return {exits: [0, 3, 5], says: /INFO_TAMPERED|FAILOVER_UNUSABLE|10\.0\.0\.9/, mend: () => set('')};
  },
};

/** Names of keys and of clients are text too. */
const keys: Standing = {
  at: {attach: ['master'], repoint: ['master'], pause: ['master'], failover: ['master'], dead: ['master']},
  isEarly: true,
  arm: async ({cast: {master}}) => {
    await master.raw.cmd('SET', `base\u001b[31m${LINES}`, 'x');
    const listener = await master.connect();
    await listener.cmd('SUBSCRIBE', LINES);
    return {exits: [0], mend: async () => undefined};
  },
};

export const forgeries: Readonly<Record<string, Standing>> = {
  'forged-parent': parent,
  'forged-replica': pretender,
  'forged-announcement': announcement,
  'forged-names': keys,
};
