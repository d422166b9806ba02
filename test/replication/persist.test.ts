/** The role survives a restart, or the report says that it does not. */
import {readFileSync, renameSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {withServers} from '../rig/servers.js';
import {assertExit, envelope, fill, follows, live} from './live.js';

const test = suite('replication/persist');

test('with a config file the role is written there, and a restarted replica is a replica', () =>
  withServers([{config: ''}, {config: ''}], async ([m, r], rig) => {
    const rtopo = live(rig);
    await fill(m!, 5);
    const args = ['replicate', '--master', m!.address, '--replica', r!.address, '--yes'];
    const run = await rtopo([...args, '--json']);
    assertExit(run, 0);
    const json = envelope(run);
    assert.equal(json.warnings, []);
    assert.is(json.result.steps[0].persisted, 'yes');
    assert.match(readFileSync(join(r!.dir, 'redis.conf'), 'utf8'), `replicaof ${m!.host} ${m!.port}`);
    await r!.restart();
    assert.is(await follows(r!), m!.address);
    await rig.until('the link', async () => (await r!.raw.info('replication')).master_link_status === 'up');
    const again = await rtopo(args);
    assertExit(again, 0);
    assert.match(again.stdout, 'no changes');
    await m!.kill();
    const promoted = await rtopo(['replicate', '--master', r!.address, '--replica', m!.address, '--yes', '--json']);
    assertExit(promoted, 5);
    assert.is(envelope(promoted).result.steps[0].persisted, 'yes');
    assert.not.match(readFileSync(join(r!.dir, 'redis.conf'), 'utf8'), /^replicaof/m);
  }));

test('without a config file it is said, on stderr and in the envelope', () =>
  withServers(2, async ([m, r], rig) => {
    const rtopo = live(rig);
    const run = await rtopo(['replicate', '--master', m!.address, '--replica', r!.address, '--yes', '--json']);
    assertExit(run, 0);
    assert.is(run.stderr, '');
    const json = envelope(run);
    assert.is(json.result.steps[0].persisted, 'no-config-file');
    assert.match(json.warnings[0], `not persisted on ${r!.address}: started without a config file`);
  }));

test('a config file that cannot be written: the role is taken, and the report says failed', () =>
  withServers(2, async ([m], rig) => {
    const rtopo = live(rig);
    const r = await rig.start({config: ''});
    // Permission bits do not bind root: the directory of the file is taken away instead.
    const aside = `${r.dir}.aside`;
    renameSync(r.dir, aside);
    rig.defer(() => rmSync(aside, {recursive: true, force: true}));
    const run = await rtopo(['replicate', '--master', m!.address, '--replica', r.address, '--yes']);
    renameSync(aside, r.dir);
    assertExit(run, 0);
    assert.match(run.stdout, `✓ ${r.address}`);
    assert.match(run.stdout, 'not persisted');
    assert.match(run.stderr, `not persisted on ${r.address}: CONFIG REWRITE failed`);
    assert.is(await follows(r), m!.address);
  }));

test.run();
