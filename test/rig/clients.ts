/**
 * Real clients and a real proxy that write keys to real servers: what the placement schemes are held against. They are Debian's
 * nutcracker, php-redis, php-predis and ruby-redis.
 */
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {freePort, lastLines, startProcess} from './processes.js';
import {connectRaw} from './raw.js';
import type {Rig} from './servers.js';
import {until} from './wait.js';

/** The program of `clients/`, run with `told` as its argument and the keys on standard input. */
export async function writeThrough(
  program: 'phpredis.php' | 'predis.php' | 'redis-rb.rb',
  told: object,
  keys: readonly Buffer[],
) {
  const file = fileURLToPath(new URL(`clients/${program}`, import.meta.url));
  const child = spawn(program.endsWith('.rb') ? 'ruby' : 'php', [file, JSON.stringify(told)], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: {PATH: process.env.PATH ?? '/usr/bin:/bin', LANG: 'C.UTF-8'},
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (said += text));
  child.stdin.on('error', () => undefined);
  child.stdin.end(keys.map((key) => `${key.toString('base64')}\n`).join(''));
  const [status] = await once(child, 'close');
  if (status !== 0 || said !== '') throw new Error(`${program} ended with ${status}: ${lastLines(said, 8)}`);
}

/** A real nutcracker with one pool, whose settings are `pool` without `listen`: writes the keys through it. */
export async function writeThroughTwemproxy(rig: Rig, pool: string, keys: readonly Buffer[]): Promise<void> {
  const [port, stats] = [await freePort(), await freePort()];
  const file = join(rig.dir, `nutcracker-${port}.yml`);
  writeFileSync(
    file,
    pool.replace(/^(\S+):\n/, `$1:\n  listen: 127.0.0.1:${port}\n`).replace(/\n {2}listen: 127\.0\.0\.1:22121/, ''),
  );
  const {child, ended} = await startProcess(['-c', file, '-s', String(stats), '-a', '127.0.0.1', '-m', '16384'], {
    ...{dir: rig.dir, timeoutMs: 10_000, program: 'nutcracker', ready: null, onLog: () => undefined},
  });
  try {
    const raw = await until('nutcracker to listen', () => connectRaw({host: '127.0.0.1', port}).catch(() => null));
    for (let at = 0; at < keys.length; at += 500) {
      const replies = await raw.pipeline(keys.slice(at, at + 500).map((key) => ['SET', key, '1']));
      const refused = replies.find((reply) => String(reply) !== 'OK');
      if (refused !== undefined) throw new Error(`nutcracker answered ${String(refused)}`);
    }
    raw.close();
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
}
