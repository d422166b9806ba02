/** No key is lost without a consent that names its server. Checked by an independent reader of every key. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {LOCK_KEY} from '../../src/journal/lock.js';
import {diffSnapshots, snapshot} from '../rig/checker.js';
import {type Rig, type Server, withServers} from '../rig/servers.js';
import {assertExit, envelope, fill, follows, forgetOrders, live, orders} from './live.js';

const test = suite('replication/wipe');

/** A replica of `m` to be, on both streams and as JSON refused; and nothing was ordered or lost. */
async function refused(rtopo: ReturnType<typeof live>, m: Server, r: Server, more: readonly string[] = []) {
  const before = await Promise.all([m, r].map((server) => snapshot(server)));
  await forgetOrders(m, r);
  const args = ['replicate', '--master', m.address, '--replica', r.address, '--yes', ...more];
  const run = await rtopo(args);
  assertExit(run, 3);
  assert.match(run.stdout, 'WOULD_WIPE');
  assert.match(run.stdout, 'refused for safety: nothing was changed');
  assert.match(run.stderr, `--discard-data ${r.address}`);
  const json = await rtopo([...args, '--json']);
  assertExit(json, 3);
  const {error, result} = envelope(json);
  assert.is(error.code, 'WOULD_WIPE');
  assert.is(result.refused[0].consent, `--discard-data ${r.address}`);
  assert.is(result.changed, false);
  for (const [i, server] of [m, r].entries()) {
    assert.equal(await orders(server), []);
    assert.equal(diffSnapshots(before[i]!, await snapshot(server)), []);
    assert.is(await follows(server), 'master');
  }
  return {run, error, message: result.refused[0].message as string};
}

/** The end of the lock comes by the link, which carries nothing before its first acknowledgement: after a second at most. */
const lockGone = (rig: Rig, replica: Server) =>
  rig.until('the copy of the lock is gone', async () => (await replica.raw.cmd('EXISTS', LOCK_KEY)) === 0);

test('keys in db0, in db3 only, and the emptier master', () =>
  withServers(3, async ([m, r, s], rig) => {
    const rtopo = live(rig);
    await fill(m!, 5);
    await fill(r!, 2);
    const plain = await refused(rtopo, m!, r!);
    assert.match(plain.message, `${r!.address} holds 2 keys (db0 2)`);
    assert.not.match(plain.message, 'reverse');
    await fill(s!, 7, 3);
    const other = await refused(rtopo, m!, s!);
    assert.match(other.message, `${s!.address} holds 7 keys (db3 7)`);
    assert.match(other.message, `was the reverse meant, ${m!.address} as the replica of ${s!.address}?`);
    assert.match(other.error.remedy, `declare ${s!.address} as the master`);
    await m!.raw.cmd('FLUSHALL');
    await refused(rtopo, m!, r!);
  }));

test('the remedies work: the reverse, and the consent', () =>
  withServers(2, async ([m, r], rig) => {
    const rtopo = live(rig);
    await fill(r!, 7, 3);
    assertExit(await rtopo(['replicate', '--master', m!.address, '--replica', r!.address, '--yes']), 3);
    assertExit(await rtopo(['replicate', '--master', r!.address, '--replica', m!.address, '--yes']), 0);
    assert.is((await snapshot(m!)).size, 7);
    await lockGone(rig, m!);
    await m!.raw.cmd('REPLICAOF', 'NO', 'ONE');
    await fill(m!, 3);
    const args = ['replicate', '--master', r!.address, '--replica', m!.address];
    const consent = ['--discard-data', m!.address];
    const dry = await rtopo([...args, ...consent, '--dry-run']);
    assertExit(dry, 2);
    assert.match(dry.stdout, /DISCARDS 10 keys/);
    const unasked = await rtopo([...args, ...consent]);
    assertExit(unasked, 3);
    assert.match(unasked.stderr, 'CONSENT_NEEDED');
    const done = await rtopo([...args, ...consent, '--yes']);
    assertExit(done, 0);
    assert.equal(diffSnapshots(await snapshot(r!), await snapshot(m!)), []);
  }));

test('a consent for another instance is none; one for a stranger is a typing error', () =>
  withServers(2, async ([m, r], rig) => {
    const rtopo = live(rig);
    await fill(r!, 2);
    await refused(rtopo, m!, r!, ['--discard-data', m!.address]);
    const dead = await rig.deadAddress();
    const args = ['replicate', '--master', m!.address, '--replica', r!.address, '--yes', '--discard-data'];
    const stray = await rtopo([...args, dead, '--json']);
    assertExit(stray, 64);
    assert.is(envelope(stray).error.code, 'CONSENT_UNKNOWN');
    const text = await rtopo([...args, dead]);
    assertExit(text, 64);
    assert.is(text.stdout, '');
    assert.match(text.stderr, `--discard-data ${dead} names no declared instance`);
    assertExit(await rtopo([...args, '6379']), 64);
    assert.is(await follows(r!), 'master');
  }));

test('a former master with writes of its own is refused, one without them comes back', () =>
  withServers(2, async ([old, now], rig) => {
    const rtopo = live(rig);
    await fill(old!, 5);
    await rig.replicate(now!, old!);
    await rig.caughtUp(old!, now!);
    await now!.raw.cmd('REPLICAOF', 'NO', 'ONE');
    const args = ['replicate', '--master', now!.address, '--replica', old!.address, '--yes'];
    assertExit(await rtopo(args), 0);
    assert.is(await follows(old!), now!.address);
    await lockGone(rig, old!);
    await old!.raw.cmd('REPLICAOF', 'NO', 'ONE');
    await old!.raw.cmd('SET', 'lost', 'write');
    const run = await rtopo(args);
    assertExit(run, 3);
    assert.match(run.stdout, /went on for \d+\s+bytes/);
    assert.is(await old!.raw.text('GET', 'lost'), 'write');
  }));

test('attached by hand, never synchronised, with keys of its own: consent comes before the login', () =>
  withServers(
    [
      {args: ['--requirepass', 'sesame-1'], auth: ['sesame-1']},
      {args: ['--requirepass', 'sesame-1'], auth: ['sesame-1']},
    ],
    async ([m, r], rig) => {
      const rtopo = live(rig);
      await fill(m!, 5);
      await fill(r!, 2);
      await r!.raw.cmd('REPLICAOF', m!.host, m!.port);
      const args = ['replicate', '--master', m!.address, '--replica', r!.address, '--yes'];
      const env = {REDISCLI_AUTH: 'sesame-1'};
      const run = await rtopo(args, {env});
      assertExit(run, 3);
      assert.match(run.stdout, 'WOULD_WIPE');
      assert.equal(((await r!.raw.cmd('CONFIG', 'GET', 'masterauth')) as Buffer[]).map(String), ['masterauth', '']);
      await r!.raw.cmd('REPLICAOF', 'NO', 'ONE');
      assert.is((await snapshot(r!)).size, 2);
      await r!.raw.cmd('REPLICAOF', m!.host, m!.port);
      assertExit(await rtopo([...args, '--discard-data', r!.address], {env}), 0);
      assert.is((await snapshot(r!)).size, 5);
    },
  ));

test('forged INFO cannot talk the guard away', () =>
  withServers(2, async ([m, r], rig) => {
    const rtopo = live(rig);
    await fill(r!, 4, 3);
    await r!.raw.cmd('REPLICAOF', 'x\r\nrole:master\r\ndb3:keys=0,expires=0\r\nmaster_replid:0', 1);
    const run = await rtopo([
      ...['replicate', '--master', m!.address, '--replica', r!.address, '--yes', '--json'],
      ...['--discard-data', r!.address],
    ]);
    assertExit(run, 3);
    const {error} = envelope(run);
    assert.is(error.code, 'INFO_TAMPERED');
    assert.not.match(run.stdout, /\\r\\n/);
    await r!.raw.cmd('REPLICAOF', 'NO', 'ONE');
    assert.is((await snapshot(r!)).size, 4);
  }));

test.run();
