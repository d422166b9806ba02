/** Many servers at once: the dead cost their own deadline and nobody else's, and sockets are bounded. */
import {createServer, type Socket} from 'node:net';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import type {Endpoint} from '../../src/redis/connect.js';
import {observeAll} from '../../src/redis/fleet.js';
import {withServers} from '../rig/servers.js';
import {sleep, until} from '../rig/wait.js';

const test = suite('redis/fleet');
const TIMEOUT_MS = 2500;

function endpoint({host, port}: {readonly host: string; readonly port: number}): Endpoint {
  return {address: {host, port}, tls: null, auth: null};
}

test('one hundred, ten of them dead: every answer of the living, in under two timeouts', () =>
  withServers(2, async ([alive, stopped], rig) => {
    stopped!.pause();
    rig.defer(() => stopped!.resume());
    const refused = Number((await rig.deadAddress()).split(':')[1]);
    const dead = Array.from({length: 10}, (_, i) => endpoint(i < 5 ? stopped! : {host: '127.0.0.1', port: refused}));
    // The dead come first, where they hold up the most.
    const fleet = [...dead, ...Array.from({length: 90}, () => endpoint(alive!))];
    const started = performance.now();
    const answers = await observeAll(fleet, TIMEOUT_MS);
    const elapsedMs = performance.now() - started;
    const codes = answers.map((one) => (one.reachable ? one.facts.version : one.fault.code));
    assert.equal(codes.slice(0, 10), [...Array(5).fill('TIMEOUT'), ...Array(5).fill('CONNECTION_REFUSED')]);
    assert.is(answers.filter(({reachable}) => reachable).length, 90, [...new Set(codes)].join());
    assert.ok(elapsedMs < 2 * TIMEOUT_MS, `${Math.round(elapsedMs)} ms`);
  }));

test('sockets are bounded: of one hundred silent ones 64 are dialled, the others when these have had their time', async () => {
  let dialled = 0;
  const sockets = new Set<Socket>();
  const silent = createServer((socket) => {
    dialled += 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const {port} = silent.address() as {port: number};
  try {
    const asking = observeAll(Array(100).fill(endpoint({host: '127.0.0.1', port})), 1000);
    await until('64 are dialled', () => dialled >= 64);
    await sleep(300);
    assert.is(dialled, 64);
    const answers = await asking;
    assert.is(dialled, 100);
    assert.ok(answers.every((one) => !one.reachable && one.fault.code === 'TIMEOUT'));
  } finally {
    for (const socket of sockets) socket.destroy();
    silent.close();
  }
});

test('nobody asked is no answer', async () => {
  assert.equal(await observeAll([], 1000), []);
});

test.run();
