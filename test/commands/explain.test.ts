/** `rtopo explain`: one code in full, all of them, and the one that was probably meant. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {assertExit, envelope} from '../replication/live.js';
import {cli} from '../rig/cli.js';

const test = suite('commands/explain');

test('one code, in any case, without a topology file', async () => {
  for (const typed of ['LINK_AUTH', 'link_auth', 'Link-Auth']) {
    const run = await cli(['explain', typed]);
    assertExit(run, 0);
    assert.is(run.stderr, '');
    assert.match(run.stdout, /^LINK_AUTH {2}critical\nThe master does not accept the login of the replica\.\n/);
    for (const part of ['What it means', 'Why it happens', 'What to do', 'How to verify'])
      assert.match(run.stdout, part);
    for (const line of run.stdout.split('\n')) assert.ok(line.length <= 80, line);
  }
  const json = await cli(['explain', 'two_masters', '--json']);
  assertExit(json, 0);
  const {result} = envelope(json);
  assert.equal(Object.keys(result), ['code', 'severity', 'title', 'means', 'why', 'fix', 'verify']);
  assert.equal([result.code, result.severity], ['TWO_MASTERS', 'critical']);
});

test('all codes, by topic, with severity and one line', async () => {
  const run = await cli(['explain']);
  assertExit(run, 0);
  assert.match(
    run.stdout,
    /^reaching a server\n {2}CONNECTION_REFUSED +critical\n? +Nothing listens at this address\.\n/,
  );
  assert.match(run.stdout, /\n {2}WOULD_WIPE +refused\n? /);
  const json = await cli(['explain', '--json']);
  assertExit(json, 0);
  const list = envelope(json).result.codes;
  assert.ok(list.length > 200, `${list.length} codes`);
  assert.equal(Object.keys(list[0]), ['code', 'severity', 'topic', 'title']);
  for (const {code} of list) assert.match(run.stdout, new RegExp(`^  ${code} `, 'm'));
});

test('a code that there is not: exit 64, with the one that was meant, escaped', async () => {
  const near = await cli(['explain', 'LINK_AUHT']);
  assertExit(near, 64);
  assert.is(near.stdout, '');
  assert.match(near.stderr, 'There is no code LINK_AUHT. Did you mean LINK_AUTH?');
  assert.match(near.stderr, 'rtopo explain LINK_AUTH');
  const far = await cli(['explain', '\x1b[2Jzzzzzzzzzz', '--json']);
  assertExit(far, 64);
  assert.is(envelope(far).error.code, 'CODE_UNKNOWN');
  assert.not.ok(far.stdout.includes('\x1b'));
});

test.run();
