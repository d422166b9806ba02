/** Every exit code of the contract, produced by a real situation, and the same with and without `--json`. */
import {mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {type CliResult, cli, cliStart} from '../rig/cli.js';
import {type Rig, type Server, withServers} from '../rig/servers.js';

const test = suite('commands/exit-codes');

/** One shard per server given, no replicas, in the test's own directory. */
function declare(rig: Rig, masters: readonly string[], extra = ''): string {
  const shards = masters.map((address, i) => `  - {name: s${i}, master: "${address}"}`).join('\n');
  const file = join(rig.dir, 'rtopo.yml');
  writeFileSync(file, `version: 1\nname: contract\nplacement: {scheme: ketama}\n${extra}shards:\n${shards}\n`);
  return file;
}

interface Envelope {
  readonly ok: boolean;
  readonly schema: number;
  readonly command: string;
  readonly warnings: readonly string[];
  readonly error: {readonly code: string; readonly message: string; readonly remedy: string};
  readonly result: Readonly<Record<string, unknown>>;
}

/** Runs twice, as text and as JSON, asserts the status of both and the form of the envelope. */
async function both(
  args: readonly string[],
  expected: {status: number; ok: boolean; cwd: string; home?: string},
): Promise<{text: CliResult; json: Envelope}> {
  const where = {cwd: expected.cwd, ...(expected.home === undefined ? {} : {home: expected.home})};
  const text = await cli(args, where);
  assert.is(text.status, expected.status, `${args.join(' ')}: ${text.stdout}${text.stderr}`);
  const machine = await cli([...args, '--json'], where);
  assert.is(machine.status, expected.status, `${args.join(' ')} --json: ${machine.stdout}${machine.stderr}`);
  const json = JSON.parse(machine.stdout) as Envelope;
  assert.is(json.ok, expected.ok);
  assert.is(json.schema, 1);
  assert.ok(Array.isArray(json.warnings));
  assert.is(typeof json.command, 'string');
  if (!expected.ok) {
    assert.match(json.error.code, /^[A-Z_]+$/);
    assert.ok(json.error.message.length > 0);
    // As text the message is talk: it never mixes with the data on stdout.
    assert.match(text.stderr, json.error.code);
  } else assert.ok(json.result !== undefined);
  for (const output of [text.stdout, text.stderr, machine.stdout, machine.stderr]) {
    assert.not.match(output, /\n\s+at .*\(.*:\d+:\d+\)/, 'a stack trace reached the user');
  }
  return {text, json};
}

async function master(server: Server, count: number): Promise<void> {
  await server.raw.pipeline(Array.from({length: count}, (_, i) => ['SET', `key:${i}`, `${i}`]));
}

test('0: healthy, nothing to change, all in place', () =>
  withServers(1, async ([a], rig) => {
    declare(rig, [a!.address]);
    await both(['status'], {status: 0, ok: true, cwd: rig.dir});
    await both(['replicate'], {status: 0, ok: true, cwd: rig.dir});
    await both(['verify'], {status: 0, ok: true, cwd: rig.dir});
    await both(['locate', 'user:42'], {status: 0, ok: true, cwd: rig.dir});
  }));

test('1: the journal cannot be written', () =>
  withServers([{}, {args: ['--appendonly', 'yes']}], async ([a, b], rig) => {
    declare(rig, [a!.address]);
    await master(a!, 50);
    writeFileSync(join(rig.dir, 'blocked'), 'a file where the state folder should be');
    const args = ['rebalance', '--add', `s1=${b!.address}`, '--yes', '--state-dir', join(rig.dir, 'blocked')];
    const {json} = await both(args, {status: 1, ok: false, cwd: rig.dir});
    assert.is(json.error.code, 'STATE_UNWRITABLE');
    assert.is(await b!.raw.cmd('DBSIZE'), 0);
  }));

test('2: pending changes, unhealthy, misplaced keys, several shards', () =>
  withServers([{}, {args: ['--appendonly', 'yes']}, {args: ['--appendonly', 'yes']}], async ([a, b, c], rig) => {
    const file = declare(rig, [a!.address, b!.address]);
    await master(a!, 200);
    await both(['verify'], {status: 2, ok: true, cwd: rig.dir});
    await both(['locate', 'user:1', 'order:22', 'cart:333', 'x:4444', 'session:5', '--same-shard'], {
      status: 2,
      ok: true,
      cwd: rig.dir,
    });
    await both(['rebalance', '--add', `s2=${c!.address}`, '--dry-run'], {status: 2, ok: true, cwd: rig.dir});
    assert.is(await c!.raw.cmd('DBSIZE'), 0);
    writeFileSync(
      file,
      `version: 1\nname: contract\nshards:\n  - {name: s0, master: "${b!.address}", replicas: ["${c!.address}"]}\n`,
    );
    await both(['status'], {status: 2, ok: true, cwd: rig.dir});
    await both(['replicate', '--dry-run'], {status: 2, ok: true, cwd: rig.dir});
  }));

test('3: refused for safety, and nothing was changed', () =>
  withServers(2, async ([a, b], rig) => {
    writeFileSync(
      join(rig.dir, 'rtopo.yml'),
      `version: 1\nname: contract\nshards:\n  - {name: s0, master: "${a!.address}", replicas: ["${b!.address}"]}\n`,
    );
    // Without a terminal and without --yes.
    const {json: consent} = await both(['replicate'], {status: 3, ok: false, cwd: rig.dir});
    assert.is(consent.error.code, 'CONSENT_NEEDED');
    await master(b!, 20);
    const {json, text} = await both(['replicate', '--yes'], {status: 3, ok: false, cwd: rig.dir});
    assert.is(json.error.code, 'WOULD_WIPE');
    assert.match(text.stderr, `--discard-data ${b!.address}`);
    assert.is(await b!.raw.cmd('DBSIZE'), 20);
    declare(rig, [a!.address]);
    await both(['rebalance', '--add', `s1=${b!.address}`, '--yes'], {status: 3, ok: false, cwd: rig.dir});
  }));

test('4: incomplete, with the command that goes on', () =>
  withServers([{}, {args: ['--repl-timeout', '60']}], async ([a, b], rig) => {
    // The master takes the replica in, and is stopped before it can serve it.
    const file = join(rig.dir, 'rtopo.yml');
    writeFileSync(
      file,
      `version: 1\nname: contract\nshards:\n  - {name: s0, master: {address: "${a!.address}", peer: "${await rig.deadAddress()}"}, replicas: ["${b!.address}"]}\n`,
    );
    const {json} = await both(['replicate', '--yes', '--timeout', '700ms'], {status: 4, ok: false, cwd: rig.dir});
    assert.match(json.error.remedy, 'rtopo');
  }));

test('5: an instance out of reach, and a login that is refused', () =>
  withServers([{}, {args: ['--requirepass', 'hunter2hunter2']}], async ([a, b], rig) => {
    declare(rig, [a!.address, await rig.deadAddress()]);
    await both(['status'], {status: 5, ok: true, cwd: rig.dir});
    await both(['verify'], {status: 5, ok: false, cwd: rig.dir});
    await both(['rebalance', '--remove', 's1', '--dry-run'], {status: 5, ok: false, cwd: rig.dir});
    declare(rig, [b!.address]);
    const {json} = await both(['verify'], {status: 5, ok: false, cwd: rig.dir});
    assert.is(json.error.code, 'AUTH_REQUIRED');
  }));

test('64: wrong usage', async () => {
  const cwd = process.cwd();
  for (const args of [
    ['status', '--nope'],
    ['replicat'],
    ['locate'],
    ['status', '--timeout', '5'],
    ['rebalance', 'resum'],
    ['status', 'extra'],
  ]) {
    await both(args, {status: 64, ok: false, cwd});
  }
});

test('78: the topology file is missing or invalid', () =>
  withServers(0, async (_, rig) => {
    for (const command of ['status', 'replicate', 'verify'])
      await both([command], {status: 78, ok: false, cwd: rig.dir});
    writeFileSync(join(rig.dir, 'rtopo.yml'), 'version: 1\nname: x\nshard: []\n');
    const {text} = await both(['status'], {status: 78, ok: false, cwd: rig.dir});
    assert.match(text.stderr, /rtopo\.yml:3:1: .*shards/);
    await both(['locate', 'k'], {status: 78, ok: false, cwd: rig.dir});
    await both(['rebalance', '--remove', 'x'], {status: 78, ok: false, cwd: rig.dir});
  }));

test('130: interrupted, the journal is written, and the resume command works', () =>
  withServers([{}, {args: ['--appendonly', 'yes']}], async ([a, b], rig) => {
    declare(rig, [a!.address]);
    await master(a!, 20_000);
    const home = join(rig.dir, 'home');
    mkdirSync(home);
    const run = cliStart(['rebalance', '--add', `s1=${b!.address}`, '--yes'], {cwd: rig.dir, home});
    await run.printed(/^copying/m);
    run.kill('SIGINT');
    const result = await run.done;
    assert.is(result.status, 130, result.stderr);
    const resume = /rtopo (rebalance resume \S+)/.exec(result.stderr)?.[1];
    assert.ok(resume, result.stderr);
    const done = await cli([...resume.split(' '), '--yes'], {cwd: rig.dir, home});
    assert.is(done.status, 0, done.stderr);
    assert.match(readFileSync(join(rig.dir, 'rtopo.yml'), 'utf8'), b!.address);
    const {json} = await both(['verify'], {status: 0, ok: true, cwd: rig.dir});
    assert.is(json.result.keys, 20_000);
  }));

test('every command ends without a terminal and with stdin closed, and asks nobody', () =>
  withServers(1, async ([a], rig) => {
    declare(rig, [a!.address]);
    const commands = [
      ['status'],
      ['replicate'],
      ['verify'],
      ['locate', 'k'],
      ['locate', '-'],
      ['rebalance', 'status'],
      ['rebalance', 'resume'],
      ['rebalance', 'prune'],
      ['rebalance', 'abort'],
      ['rebalance'],
      ['sandbox', 'down'],
      [],
    ];
    for (const args of commands) {
      const {status, stdout, stderr} = await cli(args, {cwd: rig.dir, stdin: 'closed', timeoutMs: 15_000});
      assert.ok([0, 2, 3, 64].includes(status ?? -1), `${args.join(' ')}: ${status} ${stdout} ${stderr}`);
      assert.not.match(stdout + stderr, /\u001b\[/, `${args.join(' ')} writes escape sequences into a pipe`);
    }
  }));

test.run();
