/** A run that is asked to stop, and one that cannot write its journal any more: what they say, and that it can be pasted. */
import {rmSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {cliStart} from '../rig/cli.js';
import {type Server, withServers} from '../rig/servers.js';
import {
  assertNothingLost,
  assertPlaced,
  assertSame,
  assertStatus,
  durable,
  everything,
  pasted,
  placer,
} from './field.js';
import {prepare} from './joining.js';

const test = suite('migration/interrupt');

test('interrupted: the journal is written, the command that is printed goes on', async () => {
  await withServers([durable, durable, durable], async (servers, rig) => {
    const lane = {servers, rig};
    const one = await prepare(lane, 9);
    // Enough batches that the interrupt arrives between two of them.
    const [a, b] = servers as [Server, Server];
    const place = placer(one.from, servers);
    const commands: [string, string, string][][] = [[], []];
    for (let i = 0; i < 30_000; i++)
      commands[place(Buffer.from(`many:${i}`))]!.push(['SET', `many:${i}`, `value ${i}`]);
    await Promise.all([a.raw.pipeline(commands[0]!), b.raw.pipeline(commands[1]!)]);
    const before = await everything(servers);
    const state = join(rig.dir, 'a state');
    const args = [...one.args.filter((arg) => arg !== '--json'), '--topology', one.home.file, '--state-dir', state];
    const run = cliStart(args, {cwd: rig.dir, home: one.home.home});
    await rig.until('copies', async () => Number(await servers[2]!.raw.cmd('DBSIZE')) > 500);
    run.kill('SIGINT');
    const ended = await run.done;
    assertStatus(ended, 130);
    assert.match(ended.stderr, /stopping after the batch at hand/);
    await assertNothingLost(before, servers, 'interrupted');
    const command = /try: +rtopo (.*)/.exec(ended.stderr)?.[1] ?? '';
    assert.match(command, /^rebalance resume \w{26} --topology .* --state-dir '.*a state'$/);
    const words = [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!);
    const status = await one.home.run(['rebalance', 'status', ...words.slice(3)]);
    assertStatus(status, 2);
    assert.ok(status.stdout.includes(`rtopo ${command}`), status.stdout);
    assertStatus(await one.home.run([...words, '--yes'], {cwd: rig.dir}), 0);
    assertSame(before, await everything(servers), 'resumed');
    await assertPlaced(one.home.text(), servers, 'resumed');
  });
});

test('a journal that cannot be written stops the run before it changes more', async () => {
  await withServers([durable, durable, durable], async (servers, rig) => {
    const one = await prepare({servers, rig}, 4);
    const full = join(rig.dir, 'full.mjs');
    writeFileSync(
      full,
      `import fs from 'node:fs'; import {syncBuiltinESMExports} from 'node:module';
       const real = fs.write; let n = 0;
       fs.write = (fd, bytes, from, length, at, done) => {
         n += 1;
         if (n < 4) return real(fd, bytes, from, length, at, done);
         if (n === 4) return real(fd, bytes, from, 40, at, done);
         done(Object.assign(new Error('full'), {code: 'ENOSPC'}));
       };
       syncBuiltinESMExports();`,
    );
    const run = await one.home.run(one.args, {env: {NODE_OPTIONS: `--import ${full}`}});
    assertStatus(run, 4);
    const {error} = JSON.parse(run.stdout);
    assert.is(error.code, 'JOURNAL_FAILED');
    assert.match(error.message, 'ENOSPC');
    await assertNothingLost(one.before, servers, 'disk full');
    const command = pasted(error.remedy);
    assert.equal(command.slice(0, 2), ['rebalance', 'resume']);
    rmSync(full);
    assertStatus(await one.home.run([...command, '--yes']), 0);
    assertSame(one.before, await everything(servers), 'disk full');
  });
});

test.run();
