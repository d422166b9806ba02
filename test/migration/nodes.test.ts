/** Who is at the other end of a data connection. */
import {suite} from 'uvu';
import {openSocket} from '../../src/migration/nodes.js';
import {withConnection} from '../../src/redis/connect.js';
import {readFacts} from '../../src/redis/fleet.js';
import {withServers} from '../rig/servers.js';
import {fault} from './field.js';

const test = suite('migration/nodes');

test('a connection to another process than the one that was looked at is not used', async () => {
  await withServers(1, async ([server]) => {
    const {host, port, address} = server!;
    const facts = await withConnection({address: {host, port}, tls: null, auth: null}, 2000, readFacts);
    const instance = {address: {host, port}, peer: {host, port}, announce: null, auth: null, tls: null};
    const spec = {name: 'a', instance: {...instance, priority: null, of: null}, inFrom: true, inTo: true};
    const node = {...spec, number: 0, at: address, facts};
    (await openSocket(node, 2000)).close();
    await server!.restart();
    await fault(openSocket(node, 2000), 'SERVER_RESTARTED', 4);
  });
});

test.run();
