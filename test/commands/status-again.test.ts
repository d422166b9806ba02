/** `rtopo status` more than once: --watch in a pipe and on a terminal, --wait-for to its end, the file for Prometheus. */
import {existsSync, readdirSync, readFileSync, statSync} from 'node:fs';
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {readExposition} from '../render/exposition.js';
import {assertExit, declare, fill, live, shardYaml} from '../replication/live.js';
import {cliStart} from '../rig/cli.js';
import {withServers} from '../rig/servers.js';
import {cliTty, ctrlC} from '../rig/tty.js';
import {sleep} from '../rig/wait.js';

const test = suite('commands/status-again');

test('in a pipe: a line of JSON per sample, and a file that no reader ever sees half of', () =>
  withServers(2, async ([a, b], rig) => {
    const rtopo = live(rig);
    await rig.replicate(b!, a!);
    declare(rig, shardYaml('alpha', [a!, b!]));
    const file = join(rig.dir, 'rtopo.prom');
    let isOver = false;
    let seen = 0;
    const reading = (async () => {
      for (; !isOver; await sleep(1)) {
        if (!existsSync(file)) continue;
        readExposition(readFileSync(file, 'utf8'));
        seen += 1;
      }
    })();
    reading.catch(() => undefined);
    const run = await rtopo(['status', '--watch=100ms', '--count', '6', '--prom-file', file]).finally(() => {
      isOver = true;
    });
    await reading;
    assertExit(run, 0);
    assert.is(run.stderr, '');
    const samples = run.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.is(samples.length, 6);
    for (const {ok, schema, command, result} of samples)
      assert.equal([ok, schema, command, result.shards[0].instances.length], [true, 1, 'status', 2]);
    const times = samples.map(({result}) => result.sampledAt);
    assert.equal([...new Set(times)].sort(), times);
    assert.ok(seen > 10, `${seen}`);
    assert.is(statSync(file).mode & 0o777, 0o644);
    assert.equal(
      readdirSync(rig.dir).filter((name) => name.includes('tmp')),
      [],
    );
  }));

test('an interrupt ends it at once, though a dead server is still waited for: exit 130', () =>
  withServers(2, async ([a, b], rig) => {
    declare(rig, shardYaml('alpha', [a!, b!]));
    const run = cliStart(['status', '--watch', '--json', '--timeout', '20s'], {cwd: rig.dir});
    await run.printed(/\n$/);
    b!.pause();
    rig.defer(() => b!.resume());
    // The next sample begins two seconds after the last, and has nobody to hear from.
    await sleep(2500);
    const asked = performance.now();
    run.kill('SIGINT');
    const {status, stdout, stderr} = await run.done;
    assert.is(status, 130);
    assert.ok(performance.now() - asked < 10_000);
    assert.is(stderr, '');
    for (const line of stdout.trimEnd().split('\n')) assert.ok(JSON.parse(line).ok);
  }));

test('on a terminal: redrawn in place on a screen of its own, and everything put back', () =>
  withServers(1, async ([a], rig) => {
    declare(rig, shardYaml('alpha', [a!]));
    const {status, screen} = await cliTty(['status', '--watch', '200ms'], {
      ...{cwd: rig.dir, columns: 80},
      keys: [{when: /(● healthy.*){3}/s, send: ctrlC}],
    });
    assert.is(status, 130);
    const [before, ...drawn] = screen.split('\x1b[?1049h\x1b[?25l');
    assert.equal([before, drawn.length], ['', 1]);
    const [inside, after, ...more] = drawn[0]!.split('\x1b[?25h\x1b[?1049l');
    assert.is(more.length, 0, 'it is left once');
    const frames = inside!.split('\x1b[H').slice(1);
    assert.ok(frames.length >= 3, `${frames.length} frames`);
    // Every line of a frame takes the place of an old one, and nothing of a longer one stays below.
    for (const frame of frames.slice(0, -1)) {
      for (const line of frame.split('\r\n')) assert.ok(line.startsWith('\x1b[2K'), JSON.stringify(line));
      assert.ok(frame.endsWith('\x1b[J'), JSON.stringify(frame.slice(-20)));
    }
    assert.match(after!, '✓');
  }));

test('--wait-for in-sync: from nothing to all there, with exit 0', () =>
  withServers(2, async ([a, b], rig) => {
    await fill(a!, 2000);
    declare(rig, shardYaml('alpha', [a!, b!]));
    const run = cliStart(['status', '--wait-for', 'in-sync', '--timeout', '25s', '--json'], {cwd: rig.dir});
    // It has looked at least once, and goes on.
    await rig.until('it is asked', async () => Number((await b!.raw.info('stats')).total_connections_received) > 1);
    await sleep(300);
    assert.is(run.stdout(), '');
    await rig.replicate(b!, a!);
    const offset = Number((await a!.raw.info('replication')).master_repl_offset);
    const {status, stdout, stderr} = await run.done;
    assert.equal([status, stderr], [0, '']);
    const [, replica] = JSON.parse(stdout).result.shards[0].instances;
    assert.is(replica.keys, 2000);
    assert.ok(replica.offset >= offset - 100, `${replica.offset} of ${offset}`);
  }));

test('--wait-for that does not get there: late is 4, wrong is 2, dead is 5; a heartbeat every ten seconds', () =>
  withServers([{args: ['--repl-diskless-sync-delay', '60']}, {}], async ([a, b], rig) => {
    const rtopo = live(rig);
    declare(rig, shardYaml('alpha', [a!, b!]));
    const wrong = await rtopo(['status', '--wait-for', 'healthy', '--timeout', '300ms', '--json']);
    assertExit(wrong, 2);
    const {ok, error, result} = JSON.parse(wrong.stdout);
    assert.equal([ok, error.code, result.healthy], [false, 'NOT_REACHED', false]);
    assert.is(error.details.missing[0].what, 'has ROLE_MISMATCH');
    await b!.raw.cmd('REPLICAOF', a!.host, a!.port);
    await rig.until('it waits for its snapshot', async () =>
      /wait_bgsave/.test((await a!.raw.info('replication')).slave0 ?? ''),
    );
    const late = await rtopo(['status', '--wait-for', 'in-sync', '--timeout', '11s']);
    assertExit(late, 4);
    assert.match(late.stdout, 'waiting');
    const beats = late.stderr.split('\n').filter((line) => line.startsWith('waiting for in-sync'));
    assert.is(beats.length, 1, late.stderr);
    assert.match(beats[0]!, `${b!.address} is being filled (waiting) (1`);
    assert.match(late.stderr, `Not in-sync after 11 s: ${b!.address} is being filled`);
    assert.match(late.stderr, 'rtopo status --wait-for in-sync --timeout 11s');
    await b!.kill();
    const dead = await rtopo(['status', '--wait-for', 'in-sync', '--timeout', '300ms']);
    assertExit(dead, 5);
    assert.match(dead.stderr, `${b!.address} does not answer`);
  }));

test.run();
