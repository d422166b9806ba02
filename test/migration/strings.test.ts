/** Where strings do not go as text: servers that refuse the commands for it, and names that are no strings. The rest is in the battery. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {textSum} from '../../src/migration/digest.js';
import {probePayloads} from '../../src/migration/probe.js';
import type {Announced} from '../../src/migration/transports/transport.js';
import {RespSocket} from '../../src/redis/resp/socket.js';
import {type Server, withServers} from '../rig/servers.js';
import {asText} from './as-text.js';

const test = suite('migration/strings');

const open = ({host, port}: Server) => RespSocket.open({address: {host, port}, tls: null, auth: null}, 5000);

async function carried(from: Server, to: Server, keys: readonly string[]) {
  const [source, target] = await Promise.all([open(from), open(to)]);
  try {
    const {support} = await probePayloads(target);
    let announced: readonly Announced[] = [];
    const results = await asText.carry({
      announce: async (all) => {
        announced = all;
      },
      ...{source, target, support, sourceAge: 'none', targetAge: 'none', maxPayloadBytes: 1024},
      keys: keys.map((key) => Buffer.from(key)),
    });
    return {outcomes: results.map(({outcome}) => outcome), of: announced.map(({of}) => of), announced, results};
  } finally {
    source.close();
    target.close();
  }
}

const rule = (denied: string) => ['ACL', 'SETUSER', 'default', `-${denied}`];

for (const [denied, where] of [
  ['getrange', 'source'],
  ['set', 'target'],
  ['mget', 'target'],
] as const) {
  test(`without the right to ${denied} at the ${where} they go as payloads`, () =>
    withServers(2, async ([from, to]) => {
      await from!.raw.cmd('SET', 'k', 'text');
      await from!.raw.cmd('SET', 'brief', 'text', 'PXAT', 4e12);
      await (where === 'source' ? from! : to!).raw.cmd(...rule(denied));
      const {outcomes} = await carried(from!, to!, ['k', 'brief']);
      assert.equal(outcomes, ['created', 'created']);
      assert.is(String(await to!.raw.cmd('GET', 'k')), 'text');
      assert.is(Number(await to!.raw.cmd('PEXPIRETIME', 'brief')), 4e12);
    }));
}

test('of a mixed batch only strings go as text, and each is announced as what it went as', () =>
  withServers(2, async ([from, to]) => {
    await from!.raw.cmd('SET', 'text', 'abc');
    await from!.raw.cmd('SET', 'empty', '');
    await from!.raw.cmd('SADD', 'set', 'a');
    await from!.raw.cmd('SET', 'long', 'x'.repeat(2000));
    await to!.raw.cmd('SET', 'held', 'other');
    await from!.raw.cmd('SET', 'held', 'ours');
    const {outcomes, of, announced, results} = await carried(from!, to!, [
      'set',
      'text',
      'gone',
      'empty',
      'long',
      'held',
    ]);
    assert.equal(outcomes, ['created', 'created', 'gone', 'created', 'created', 'conflict']);
    assert.equal(of, ['dump', 'text', 'dump', 'dump', 'dump', 'text']);
    assert.equal(announced[1]!.sum, textSum(Buffer.from('abc')));
    assert.is(announced[2]!.sum, null);
    assert.equal(
      results.map(({writes}) => writes),
      [1, 1, 0, 1, 1, 0],
    );
    assert.is(String(await to!.raw.cmd('GET', 'held')), 'other');
  }));

test('the checksum of a text is the head of its SHA-1', () => {
  assert.is(textSum(Buffer.alloc(0)), 'da39a3ee5e6b4b0d');
  assert.is(textSum(Buffer.from('abc')), 'a9993e364706816a');
});

test.run();
