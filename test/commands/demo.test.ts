/** The demo, from the first word to the last, as `npm run demo` tells it; and what it leaves behind: nothing. */
import {readdirSync} from 'node:fs';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {cli, cliStart} from '../rig/cli.js';
import {withServers} from '../rig/servers.js';

const test = suite('commands/demo');

const leftovers = (home: string) => readdirSync(home).filter((name) => name.startsWith('rtopo-demo-'));

test('tells the main job on real servers, every step ending with 0', () =>
  withServers(
    0,
    async (_, rig) => {
      const {status, stdout, stderr} = await cli(['sandbox', 'demo'], {home: rig.dir, timeoutMs: 60_000});
      assert.is(status, 0, `${stdout}\n${stderr}`);
      const chapters = [...stdout.matchAll(/^(\d)\. (.*)$/gm)].map(([, number]) => Number(number));
      assert.equal(chapters, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
      assert.match(stdout, /8 servers of (redis|valkey)/);
      assert.match(stdout, /healthy: every role, link and history is as declared/);
      assert.match(stdout, /final check +3,000 keys, 0 misplaced, 0 duplicate/);
      assert.match(stdout, /3,000 keys: each on its owner, once/);
      assert.not.match(stdout, /\u001b\[/);
      for (const line of stdout.split('\n')) {
        // Paths are whole, to be copied; everything else fits a terminal.
        if (!/\/rtopo-demo-/.test(line)) assert.ok(line.length <= 80, `wider than 80 columns: ${line}`);
      }
      assert.equal(leftovers(rig.dir), []);
    },
    {timeoutMs: 90_000},
  ));

test('--json: one envelope on stdout, the story on stderr', () =>
  withServers(
    0,
    async (_, rig) => {
      const {status, stdout, stderr} = await cli(['sandbox', 'demo', '--json'], {home: rig.dir, timeoutMs: 60_000});
      assert.is(status, 0, stderr);
      const {ok, result} = JSON.parse(stdout);
      assert.ok(ok && result.ok);
      assert.equal(
        result.steps.map(({exit}: {exit: number}) => exit),
        Array(9).fill(0),
      );
      assert.match(stderr, /9\. /);
    },
    {timeoutMs: 90_000},
  ));

test('interrupted, it stops its servers and removes its data', () =>
  withServers(0, async (_, rig) => {
    const run = cliStart(['sandbox', 'demo'], {home: rig.dir, timeoutMs: 40_000});
    await run.printed(/^3\. /m);
    run.kill('SIGINT');
    const {status} = await run.done;
    assert.is(status, 130, run.stderr());
    assert.equal(leftovers(rig.dir), []);
    const ports = [...run.stdout().matchAll(/127\.0\.0\.1:(\d+)/g)].map(([, port]) => Number(port));
    assert.ok(ports.length >= 8);
    for (const port of new Set(ports)) assert.is(await listening(port), false, `port ${port}`);
  }));

async function listening(port: number): Promise<boolean> {
  const {connect} = await import('node:net');
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(!!socket.destroy()));
    socket.once('error', () => resolve(false));
  });
}

test.run();
