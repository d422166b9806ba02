/** Servers that are reached by Unix sockets: every command that reads or moves keys, and what cannot be done that way. */
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {diffSnapshots} from '../rig/checker.js';
import {fill} from '../rig/data.js';
import {type Server, withServers} from '../rig/servers.js';
import {everything, field, placer, topologyText} from './field.js';

const test = suite('migration/sockets');

const spec = {
  args: ({dir}: {dir: string}) => [
    '--unixsocket',
    join(dir, 'redis.sock'),
    '--appendonly',
    'yes',
    '--appendfsync',
    'always',
  ],
};
const socketOf = ({dir}: Server): string => `unix:${join(dir, 'redis.sock')}`;
const placement = '{scheme: ketama, hash: md5}';

test('a shard joins by its socket, and locate, verify and status use sockets too', () =>
  withServers([spec, spec, spec], async (servers, rig) => {
    const names = ['a', 'b', 'c'];
    const shards = (addressOf: (server: Server) => string) =>
      servers.map((server, i) => ({name: names[i]!, address: addressOf(server)}));
    const [byPort, bySocket] = [shards(({address}) => address), shards(socketOf)];
    await fill(servers, {seed: 11, keys: 120, place: placer(topologyText(placement, byPort.slice(0, 2)), servers)});
    const before = await everything(servers);
    const home = field(rig, topologyText(placement, bySocket.slice(0, 2)));
    const moved = await home.run(['rebalance', '--add', `c=${bySocket[2]!.address}`, '--yes', '--json']);
    assert.is(moved.status, 0, moved.stdout + moved.stderr);
    assert.equal(diffSnapshots(before, await everything(servers)), []);
    assert.ok(Number(await servers[2]!.raw.cmd('DBSIZE')) > 0);
    assert.ok(home.text().includes(`master: "${bySocket[2]!.address}"`), home.text());
    const verified = await home.run(['verify', '--json']);
    assert.is(verified.status, 0, verified.stdout);
    const status = await home.run(['status', '--json']);
    assert.is(status.status, 0, status.stdout);
    const located = await home.run(['locate', 'k', '--check', '--json']);
    assert.match(located.stdout, /"address": "unix:\//);
  }));

test('a socket that is not there, one that is no server and one that others would have to dial', () =>
  withServers([spec, {}], async ([a, b], rig) => {
    const gone = field(rig, topologyText(placement, [{name: 'a', address: 'unix:/nonexistent/redis.sock'}]));
    const silent = await gone.run(['status', '--json']);
    assert.is(silent.status, 5);
    assert.match(silent.stdout, /no server has made that socket/);
    const shared = field(
      rig,
      `version: 1\nname: s\nshards:\n  - {name: a, master: "${socketOf(a!)}", replicas: ["${b!.address}"]}\n`,
    );
    const {status, stderr} = await shared.run(['replicate', '--dry-run']);
    assert.is(status, 78);
    assert.match(stderr, /rtopo\.yml:4:\d+.*cannot dial a Unix socket[\s\S]*peer: "10\.0\.0\.1:6379"/);
    const told = field(
      rig,
      `version: 1\nname: s\nshards:\n  - {name: a, master: {address: "${socketOf(a!)}", peer: "${a!.address}"}, replicas: ["${b!.address}"]}\n`,
    );
    const linked = await told.run(['replicate', '--yes', '--json']);
    assert.is(linked.status, 0, linked.stdout + linked.stderr);
    assert.is((await b!.raw.info('replication')).master_port, String(a!.port));
    const adHoc = await told.run(['replicate', '--master', socketOf(a!), '--replica', b!.address, '--dry-run']);
    assert.is(adHoc.status, 64);
  }));

test.run();
