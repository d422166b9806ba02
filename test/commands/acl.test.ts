/**
 * `rtopo acl`, and each command under exactly the user that it prints: it does its work, and no server has anything in its ACL log.
 * Every user is made from the table by which the lines are printed.
 */
import {existsSync} from 'node:fs';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {permissionOf, REPLICATION_COMMANDS, rulesOf, userLine} from '../../src/redis/permissions.js';
import {declare, fill, type Live, live, shardYaml} from '../replication/live.js';
import {cli, repositoryRoot} from '../rig/cli.js';
import {fill as fillKinds} from '../rig/data.js';
import {type Server, withServers} from '../rig/servers.js';

const test = suite('commands/acl');
const SECRET = 'pass-of-the-test';
const HEAD =
  'auth: {username: ops, passwordEnv: OPS}\nreplicationAuth: {username: repl, passwordEnv: OPS}\nplacement: {scheme: ketama}\n';

async function printed(command: string, ...flags: string[]): Promise<string[]> {
  const {status, stdout, stderr} = await cli(['acl', ...command.split(' '), '--user', 'ops', ...flags]);
  assert.is(status, 0, stderr);
  return stdout.trimEnd().split('\n');
}

/** The same lines, without a process for each. */
function linesOf(command: string): string[] {
  const replicas = REPLICATION_COMMANDS.map((name) => `+${name}`);
  return [userLine('ops', rulesOf(permissionOf(command)!)), userLine('repl', ['-@all', ...replicas])];
}

/** The users of a command on these servers, to the letter of what is printed. */
async function permit(servers: readonly Server[], command: string): Promise<void> {
  for (const line of linesOf(command)) {
    for (const {raw} of servers) await raw.cmd(...line.replace('>SECRET', `>${SECRET}`).split(' '));
  }
  for (const {raw} of servers) await raw.cmd('ACL', 'LOG', 'RESET');
}

/** What the servers have refused since, as `command (user)`. */
async function refused(servers: readonly Server[]): Promise<string[]> {
  const logs = await Promise.all(servers.map(({raw}) => raw.cmd('ACL', 'LOG') as Promise<unknown[][]>));
  return logs.flat().map((entry) => {
    const field = (name: string) => String(entry[entry.findIndex((part) => String(part) === name) + 1]);
    return `${field('reason')} ${field('object')} (${field('username')})`;
  });
}

interface Scene {
  readonly servers: readonly Server[];
  readonly rtopo: Live;
}

async function obeyed({servers, rtopo}: Scene, args: readonly string[], exits: readonly number[] = [0]): Promise<void> {
  const {status, stdout, stderr} = await rtopo(args, {env: {OPS: SECRET}});
  const log = await refused(servers);
  assert.equal(log, [], `${args.join(' ')}: ${log.join(', ')}`);
  assert.ok(exits.includes(status ?? -1), `${args.join(' ')}: exit ${status}\n${stdout}\n${stderr}`);
}

const isThere = (command: string): boolean =>
  existsSync(`${repositoryRoot}src/commands/${command}.ts`) ||
  existsSync(`${repositoryRoot}src/commands/${command}/index.ts`);

test('what it prints: lines to be pasted and nothing else, JSON, and what it does not know', async () => {
  assert.equal(await printed('replicate'), linesOf('replicate'));
  assert.equal(await printed('rebalance plan'), linesOf('rebalance plan').slice(0, 1));
  const [own, replicas] = await printed('replicate', '--replication-user', 'standby');
  assert.match(own!, '+replicaof');
  assert.is(replicas, 'ACL SETUSER standby reset on >SECRET -@all +psync +replconf +ping');
  assert.match((await printed('verify', '--prefix', 'user:*', '--prefix', 'cart:*'))[0]!, '%R~user:* %R~cart:* -@all');
  const json = JSON.parse((await cli(['acl', 'status', '--json'])).stdout);
  assert.equal([json.ok, json.result.command, json.result.users.length], [true, 'status', 1]);
  const wrong = await cli(['acl', 'replicat']);
  assert.is(wrong.status, 64);
  assert.match(wrong.stderr, "Did you mean 'replicate'?");
  assert.is((await cli(['acl', 'status', '--user', 'a b'])).status, 64);
});

test('replicate, status and what only looks, each under its own user', () =>
  withServers([{config: ''}, {config: ''}, {config: ''}], async (servers, rig) => {
    const [m, r, s] = servers;
    const rtopo = live(rig);
    const scene = {servers, rtopo};
    await fill(m!, 20);
    const shard = shardYaml('alpha', [m!, r!, s!]).replace('}\n', ', minReplicas: {toWrite: 1, maxLagSeconds: 5}}\n');
    declare(rig, shard.replace(`{address: "${s!.address}"`, `{address: "${s!.address}", priority: 0`), HEAD);
    await permit(servers, 'replicate');
    await obeyed(scene, ['replicate', '--dry-run'], [2]);
    await obeyed(scene, ['replicate', '--yes']);
    assert.is((await s!.raw.info('replication')).slave_priority, '0');
    await permit(servers, 'status');
    await obeyed(scene, ['status']);
    await permit(servers, 'doctor');
    await obeyed(scene, ['doctor'], [0, 2]);
    await permit(servers, 'locate');
    await obeyed(scene, ['locate', 'key:1', '--check']);
    await permit(servers, 'verify');
    await obeyed(scene, ['verify']);
    await obeyed(scene, ['verify', '--sample', '10']);
    if (isThere('discover')) {
      await permit(servers, 'discover');
      await obeyed(scene, ['discover', m!.address], [0, 2]);
    }
    if (isThere('switchover')) {
      await permit(servers, 'switchover');
      await obeyed(scene, ['switchover', 'alpha', '--to', r!.address, '--yes']);
    }
    if (isThere('failover')) {
      const left = [m!, s!];
      await permit(left, 'failover');
      await r!.kill();
      await rig.until('it is missed', async () => (await m!.raw.info('replication')).master_link_status === 'down');
      await obeyed({servers: left, rtopo}, ['failover', 'alpha', '--yes', '--master-is-dead'], [0, 4, 5]);
    }
  }));

test('rebalance with its phases, each under its own user', () =>
  withServers(
    [{config: 'appendonly yes'}, {config: 'appendonly yes'}],
    async (servers, rig) => {
      const [a, b] = servers;
      await fillKinds(a!, {keys: 60, seed: 5});
      declare(rig, `  - {name: alpha, master: "${a!.address}"}\n`, HEAD);
      const scene = {servers, rtopo: live(rig)};
      // So small that most values travel in parts as well.
      const add = ['--add', `beta=${b!.address}`, '--big-key', '1kb'];
      await permit(servers, 'rebalance plan');
      await obeyed(scene, ['rebalance', 'plan', ...add], [2]);
      await permit(servers, 'rebalance');
      await obeyed(scene, ['rebalance', ...add, '--stop-after', 'copied', '--yes'], [0, 4]);
      await permit(servers, 'rebalance status');
      await obeyed(scene, ['rebalance', 'status'], [0, 2, 4]);
      await permit(servers, 'rebalance abort');
      await obeyed(scene, ['rebalance', 'abort', '--yes']);
      await permit(servers, 'rebalance');
      await obeyed(scene, ['rebalance', ...add, '--stop-after', 'verified', '--yes'], [0, 4]);
      await permit(servers, 'rebalance resume');
      await obeyed(scene, ['rebalance', 'resume', '--yes']);
      await permit(servers, 'rebalance');
      await obeyed(scene, ['rebalance', '--remove', 'beta', '--no-prune', '--fence', 'pause', '--yes'], [0, 4]);
      await permit(servers, 'rebalance prune');
      await obeyed(scene, ['rebalance', 'prune', '--yes']);
      await permit(servers, 'verify');
      await obeyed(scene, ['verify']);
      // Ten processes after one another.
    },
    {timeoutMs: 180_000},
  ));

test('without a permission: the command is named, with the line that mends it, and nothing is changed', () =>
  withServers([{}, {}], async (servers, rig) => {
    const [m, r] = servers;
    const rtopo = live(rig);
    declare(rig, shardYaml('alpha', [m!, r!]), HEAD.replace(/placement.*\n/, ''));
    await permit(servers, 'replicate');
    for (const {raw} of servers) await raw.cmd('ACL', 'SETUSER', 'ops', '-replicaof', '-config|set');
    const run = await rtopo(['replicate', '--yes', '--json'], {env: {OPS: SECRET}});
    assert.is(run.status, 3, run.stdout);
    const {refused: reasons} = JSON.parse(run.stdout).result;
    const reason = reasons.find(({instance}: {instance: string}) => instance === r!.address);
    assert.is(reason.code, 'NO_PERMISSION');
    assert.match(reason.message, 'the user ops may not run CONFIG SET, REPLICAOF');
    assert.is(reason.remedy, `on ${r!.address}: ACL SETUSER ops +config|set +replicaof`);
    assert.equal(await refused(servers), [], 'it asked what it would be told, and did not try');
    for (const {remedy, instance} of reasons) {
      const {raw} = servers.find(({address}) => address === instance)!;
      await raw.cmd(...remedy.split(': ')[1].split(' '));
    }
    const done = await rtopo(['replicate', '--yes'], {env: {OPS: SECRET}});
    assert.is(done.status, 0, done.stdout + done.stderr);
  }));

test.run();
