/**
 * Twemproxy's nutcracker.yml, both ways. A server line is `host:port:weight[ name]` or `/socket:weight[ name]`, read from the right.
 * Source: twemproxy src/nc_conf.c, conf_add_server and conf_pool_each_transform; src/nc_server.c.
 */
import {ExitCode, RtopoError, usageError} from '../errors.js';
import {type Address, addressText, isSocket, type Topology} from '../topology/types.js';
import {readForeignYaml, shardNames, topologyText} from '../topology/write.js';
import type {Exported, Imported} from './interop.js';

interface ServerLine {
  readonly line: string;
  readonly host: string;
  /** As written: `06379` stays that in the label. */
  readonly port: string;
  readonly weight: number;
  readonly label: string;
}

/** @throws RtopoError IMPORT_INVALID, exit 78, for a pool whose placement cannot be told */
export function importTwemproxy(
  text: string,
  {file, pool}: {readonly file: string; readonly pool: string | null},
): Imported {
  const [name, settings] = poolOf(readForeignYaml(text, file), {file, pool});
  const fail = (problem: string, remedy: string): never => refuse(`${file}, pool ${name}: ${problem}`, remedy);
  if (settings.redis !== true) fail('it speaks memcached, not Redis.', 'import a pool with redis: true');
  const distribution = String(settings.distribution ?? 'ketama');
  if (distribution === 'random') fail('distribution random puts keys anywhere.', 'import a pool with ketama or modula');
  const lines = Array.isArray(settings.servers) ? settings.servers.map(String) : [];
  if (lines.length === 0) fail('it has no servers.', 'list them under servers:');
  const servers = lines.map((line) => serverOf(line) ?? fail(`"${line}" is no server.`, 'write host:port:weight name'));
  const tag = settings.hash_tag === undefined ? {} : {hashTag: String(settings.hash_tag)};
  if (tag.hashTag !== undefined && !/^[ -~]{2}$/.test(tag.hashTag))
    fail('hash_tag must be two ASCII characters.', 'write hash_tag: "{}"');
  const names = shardNames(servers.map(({label}) => label));
  const placement = {scheme: 'twemproxy', ...tag, distribution, hash: String(settings.hash ?? 'fnv1a_64')};
  const shards = servers.map(({host, port, weight, label}, i) => ({
    ...{name: names[i]!, node: label, weight},
    master: addressText({host, port: Number(port)}),
  }));
  const comments = [`Imported from twemproxy's pool ${name} in ${file}.`];
  return {
    topology: topologyText({name: shardNames([name])[0]!, comments, placement, shards}),
    warnings: warningsOf(settings, servers),
  };
}

function poolOf(
  content: unknown,
  {file, pool}: {file: string; pool: string | null},
): [string, Record<string, unknown>] {
  const pools = typeof content === 'object' && content !== null ? Object.entries(content) : [];
  if (pools.length === 0) refuse(`${file} has no pool.`, 'name a nutcracker.yml');
  const names = pools.map(([name]) => name).join(', ');
  const found = pool === null && pools.length === 1 ? pools[0] : pools.find(([name]) => name === pool);
  if (found === undefined)
    throw usageError({
      message:
        pool === null ? `${file} has several pools: ${names}.` : `${file} has no pool ${pool}; its pools are ${names}.`,
      remedy: `rtopo import twemproxy ${file} --pool ${pools[0]![0]}`,
    });
  const [name, settings] = found;
  if (typeof settings !== 'object' || settings === null) refuse(`${file}, pool ${name} is empty.`, 'write its servers');
  return [name, settings as Record<string, unknown>];
}

/** The label is what twemproxy hashes: see the scheme. */
function serverOf(line: string): ServerLine | null {
  const space = line.lastIndexOf(' ');
  const name = space === -1 ? null : line.slice(space + 1);
  const place = (space === -1 ? line : line.slice(0, space)).trim();
  const [, before, weight] = /^(.+):(\d+)$/.exec(place) ?? [];
  if (before === undefined || Number(weight) < 1) return null;
  if (before.startsWith('/'))
    return {
      line,
      host: before,
      port: '0',
      weight: Number(weight),
      label: name ?? unnamedLabel({host: before, port: 0}),
    };
  const [, host, port] = /^(.+):(\d+)$/.exec(before) ?? [];
  if (host === undefined || port === undefined) return null;
  return {line, host, port, weight: Number(weight), label: name ?? unnamedLabel({host, port: Number(port)})};
}

/** What twemproxy hashes of a server without a name. Source: `conf_add_server`, nc_conf.c. */
function unnamedLabel({host, port}: Address): string {
  if (isSocket({host})) return `${host}:`;
  return port === 11_211 ? host : `${host}:${port}`;
}

function warningsOf(settings: Record<string, unknown>, servers: readonly ServerLine[]): string[] {
  const found: string[] = [];
  if (settings.auto_eject_hosts === true)
    found.push(
      'auto_eject_hosts is on: while a server is down, twemproxy sends its keys to the others, and their writes stay there. Switch it off for data.',
    );
  if (settings.redis_auth !== undefined)
    found.push('redis_auth was not copied: add auth: {passwordEnv: …} to the topology.');
  if (settings.redis_db !== undefined && Number(settings.redis_db) !== 0)
    found.push(
      `The pool uses database ${Number(settings.redis_db)}; rtopo moves and checks the keys of all databases.`,
    );
  if (servers.some(({label, host, port}) => label === `${host}:${port}` || label === host))
    found.push(
      'Servers without names are known to the ring by their addresses: a new address moves keys. Give each line a name, which is its present address.',
    );
  return found;
}

/** @throws RtopoError EXPORT_REFUSED when the topology's scheme is not twemproxy's */
export function exportTwemproxy({name, placement, shards}: Topology): Exported {
  if (placement === null || !['twemproxy', 'ketama'].includes(placement.scheme))
    return refuseExport('twemproxy', placement?.scheme ?? null, 'twemproxy or ketama');
  const {distribution = 'ketama', hash = 'fnv1a_64', char = 'signed'} = placement.options as Record<string, string>;
  const tag = placement.hashTag === 'redis-cluster' ? '{}' : placement.hashTag;
  const servers = shards.map(({name, node, weight, master}) => {
    const {host, port} = master.address;
    const label = node ?? name;
    const place = isSocket({host}) ? host : `${host}:${port}`;
    return `    - ${place}:${weight}${label === unnamedLabel({host, port}) ? '' : ` ${label}`}`;
  });
  const text = [
    `${name}:`,
    '  listen: 127.0.0.1:22121',
    `  hash: ${hash}`,
    ...(tag === null || tag === 'none' ? [] : [`  hash_tag: "${tag.replace(/["\\]/g, '\\$&')}"`]),
    `  distribution: ${distribution}`,
    '  redis: true',
    '  auto_eject_hosts: false',
    '  servers:',
    ...servers,
    '',
  ].join('\n');
  const warnings =
    char === 'signed'
      ? []
      : ['char: unsigned holds for a twemproxy on ARM; on x86 keys with bytes from 0x80 land elsewhere.'];
  return {text, warnings};
}

/** For exports to a system that places keys by another rule. */
export function refuseExport(system: string, scheme: string | null, wanted: string): never {
  throw new RtopoError({
    code: 'EXPORT_REFUSED',
    exit: ExitCode.refused,
    message: `The topology places keys by ${scheme === null ? 'no scheme' : `scheme ${scheme}`}, and ${system} would look for them elsewhere.`,
    remedy: `rtopo rebalance --to FILE moves the keys to scheme ${wanted} first`,
  });
}

function refuse(message: string, remedy: string): never {
  throw new RtopoError({code: 'IMPORT_INVALID', exit: ExitCode.topology, message, remedy});
}
