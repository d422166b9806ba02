/** What a server takes, asked by doing. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import type {RtopoError} from '../../src/errors.js';
import {probeFieldTtl, probeLimits, probePayloads, supportByVersion} from '../../src/migration/probe.js';
import {readRole, readServerFacts} from '../../src/redis/identity.js';
import {parseInfo} from '../../src/redis/info.js';
import {type Server, type ServerSpec, withServers} from '../rig/servers.js';
import {moreServers, needingValkey, valkey} from '../rig/valkey.js';
import {changesOf, openSocket} from './pair.js';

const test = suite('migration/probe');
const servers: [string, ServerSpec, ReturnType<typeof needingValkey<() => Promise<void>>>][] = [
  ['redis', {}, test],
  ['valkey', valkey, needingValkey(test)],
  ...moreServers.map((spec): [string, ServerSpec, typeof test] => [spec.name, spec, test]),
];

for (const [name, spec, register] of servers) {
  register(`${name}: asked and estimated agree; the probing leaves nothing, and counts what it wrote`, async () => {
    await withServers([spec], async ([server]) => {
      const socket = await openSocket(server!);
      try {
        const before = await changesOf(server!);
        const {support, writes} = await probePayloads(socket);
        assert.is((await changesOf(server!)) - before, writes);
        assert.is(await server!.raw.cmd('DBSIZE'), 0);
        assert.equal(support, supportByVersion(await factsOf(server!)));
        assert.ok(support.types.has(18) && support.types.has(19), 'every server since 7.0 reads these');
      } finally {
        socket.close();
      }
    });
  });

  register(`${name}: the other questions write nothing`, async () => {
    await withServers([spec], async ([server]) => {
      const socket = await openSocket(server!);
      try {
        await server!.raw.cmd('CONFIG', 'SET', 'proto-max-bulk-len', 2_000_000);
        const before = await changesOf(server!);
        const known = (await server!.raw.cmd('COMMAND', 'INFO', 'HPEXPIRETIME')) as unknown[];
        assert.is(await probeFieldTtl(socket), known[0] !== null);
        assert.equal(await probeLimits(socket), {bulkBytes: 2_000_000, requestBytes: 1024 ** 3});
        assert.is(await changesOf(server!), before);
      } finally {
        socket.close();
      }
    });
  });
}

async function factsOf({raw}: Server) {
  return readServerFacts(readRole(['master', 0, []]), parseInfo(await raw.text('INFO')));
}

test('a server that may not be written to is a failure, not an answer', async () => {
  await withServers(2, async ([server, master], rig) => {
    await rig.replicate(server!, master!);
    const socket = await openSocket(server!);
    try {
      await probePayloads(socket);
      assert.unreachable();
    } catch (error) {
      assert.is((error as RtopoError).code, 'READONLY');
    } finally {
      socket.close();
    }
  });
});

test('a login that may not read the configuration has no limits to tell', async () => {
  await withServers(1, async ([server]) => {
    await server!.raw.cmd('ACL', 'SETUSER', 'default', '-config');
    const socket = await openSocket(server!);
    try {
      assert.equal(await probeLimits(socket), {bulkBytes: null, requestBytes: null});
    } finally {
      socket.close();
    }
  });
});

/** Version as the server says it, family, footer, highest type of both families, has field types. */
const versions: readonly [string, string, string, number, number, boolean][] = [
  ['redis', '5.0.14', 'common', 9, 15, false],
  ['redis', '6.2.7', 'common', 9, 15, false],
  ['redis', '7.0.15', 'common', 10, 19, false],
  ['redis', '7.2.4', 'common', 11, 21, false],
  ['redis', '7.4.1', 'redis', 12, 21, true],
  ['redis', '8.4.0', 'redis', 12, 21, true],
  ['redis', '8.10.0', 'redis', 15, 21, true],
  ['valkey', '7.2.11', 'common', 11, 21, false],
  ['valkey', '8.1.1', 'common', 11, 21, false],
  ['valkey', '9.0.0', 'valkey', 80, 21, true],
  ['valkey', '9.10.0', 'valkey', 81, 21, true],
];

test('the estimate for a dry run, by version', () => {
  for (const [server, version, family, footer, highest, hasFields] of versions) {
    const support = supportByVersion({server: server as 'redis' | 'valkey', version});
    assert.is(`${support.family} ${support.maxFooter}`, `${family} ${footer}`, version);
    const common = [...support.types].filter((type) => type <= 21);
    assert.is(Math.max(...common), highest, version);
    assert.is(support.types.has(server === 'redis' ? 24 : 22), hasFields, version);
  }
});

test.run();
