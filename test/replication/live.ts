/** The real command line on real servers, and what it left there. */
import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import * as assert from 'uvu/assert';
import {type CliOptions, type CliResult, cli} from '../rig/cli.js';
import type {Rig, Server} from '../rig/servers.js';

export type Live = (args: readonly string[], options?: CliOptions) => Promise<CliResult>;

/** Writes the topology file of a test; what follows `shards:` is indented as given. */
export function declare(rig: Rig, shards: string, head = ''): string {
  const file = join(rig.dir, 'rtopo.yml');
  writeFileSync(file, `version: 1\nname: cache\n${head}shards:\n${shards}`);
  return file;
}

/** A shard as YAML: replicas of the master, or each of the one before it. */
export function shardYaml(name: string, [master, ...replicas]: readonly {address: string}[], chained = false): string {
  const all = [master!, ...replicas];
  const list = replicas.map((one, i) => `{address: "${one.address}", of: "${all[chained ? i : 0]!.address}"}`);
  return `  - {name: ${name}, master: "${master!.address}", replicas: [${list.join(', ')}]}\n`;
}

/** `rtopo …` in the directory of the test, with a state of its own. */
export function live(rig: Rig): Live {
  const home = join(rig.dir, 'home');
  mkdirSync(home, {recursive: true});
  return (args, options = {}) => cli(args, {cwd: rig.dir, home, ...options});
}

/** Fails with everything the command said. */
export function assertExit(run: CliResult, status: number): void {
  assert.is(run.status, status, `exit ${run.status}, not ${status}\n${run.stdout}\n${run.stderr}`);
}

// biome-ignore lint/suspicious/noExplicitAny: an envelope is read like any JSON
export function envelope(run: CliResult): any {
  const json = JSON.parse(run.stdout);
  assert.is(json.schema, 1);
  assert.is(json.ok, json.error === undefined);
  assert.ok(Array.isArray(json.warnings));
  return json;
}

/** What ROLE says: `master`, or the address that a replica follows. */
export async function follows(server: Server): Promise<string> {
  const role = (await server.raw.cmd('ROLE')) as (Buffer | number)[];
  return String(role[0]) === 'master' ? 'master' : `${role[1]}:${role[2]}`;
}

const READS =
  /^cmdstat_(info|role|ping|auth|client\|.+|command\|.+|command|replconf|acl\|dryrun|acl\|whoami|pubsub\|numsub|function\|list|module\|list|config\|get|psync|select|scan|type|get|dbsize|hello|config\|resetstat|pexpiretime|object\|.+|monitor)$/;

/** Commands of the server that can change something, with their number, since the last `CONFIG RESETSTAT`. */
export async function orders(server: Server): Promise<string[]> {
  const stats = await server.raw.info('commandstats');
  return Object.keys(stats)
    .filter((name) => name !== '' && !READS.test(name))
    .map((name) => name.replace('cmdstat_', ''))
    .sort();
}

/** From now on `orders` counts. */
export async function forgetOrders(...servers: readonly Server[]): Promise<void> {
  for (const server of servers) await server.raw.cmd('CONFIG', 'RESETSTAT');
}

export async function fill(server: Server, keys: number, db = 0): Promise<void> {
  const raw = await server.connect({db});
  await raw.pipeline(Array.from({length: keys}, (_, i) => ['SET', `key:${i}`, `value ${i}`]));
}

/** Neither stream, nor anything the CLI wrote, may hold a secret, in any common form. */
export function assertNoSecret(run: CliResult, ...secrets: readonly string[]): void {
  for (const secret of secrets) {
    for (const form of [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')]) {
      assert.not.ok(run.stdout.includes(form), `stdout holds the secret: ${run.stdout}`);
      assert.not.ok(run.stderr.includes(form), `stderr holds the secret: ${run.stderr}`);
    }
  }
}
