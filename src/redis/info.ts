/**
 * Readers of INFO, as untrusted text. A server can be made to print lines of an attacker's choice: a host name given to REPLICAOF
 * may hold CRLF, an announced address may hold commas. So the first occurrence of a field wins, numbers have a strict form,
 * a repeated field of the replication section is reported, and no address found here is ever dialled.
 */

export interface Info {
  /** First occurrence of each field. */
  readonly fields: ReadonlyMap<string, string>;
  /** Fields that occurred more than once: the sign of injected lines. */
  readonly repeated: readonly string[];
  /** Names of the loaded modules: the one field that stands once for each. */
  readonly modules: readonly string[];
}

export function parseInfo(text: string): Info {
  const fields = new Map<string, string>();
  const repeated: string[] = [];
  const modules: string[] = [];
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon <= 0 || line.startsWith('#')) continue;
    const name = line.slice(0, colon);
    const module = name === 'module' ? /^name=([^,]+),/.exec(line.slice(colon + 1))?.[1] : undefined;
    if (module !== undefined) modules.push(module);
    else if (fields.has(name)) repeated.push(name);
    else fields.set(name, line.slice(colon + 1));
  }
  return {fields, repeated, modules};
}

/** A field as a safe integer, or null when it is absent or not written as one. */
export function infoNumber(info: Info, name: string): number | null {
  const text = info.fields.get(name);
  if (text === undefined || !/^-?\d{1,16}$/.test(text)) return null;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : null;
}

/** A field as it stands, or null when it is absent or empty. */
export function infoText(info: Info, name: string): string | null {
  return info.fields.get(name) || null;
}

/** Keys per database, from the keyspace section: `db0:keys=12,expires=3,avg_ttl=0`. Logically expired keys are still counted. */
export function infoKeyspace(
  info: Info,
): readonly {readonly db: number; readonly keys: number; readonly expires: number}[] {
  const databases = [];
  for (const [name, value] of info.fields) {
    const db = /^db(\d{1,5})$/.exec(name)?.[1];
    const counts = /^keys=(\d{1,15}),expires=(\d{1,15})(?:,|$)/.exec(value);
    if (db !== undefined && counts)
      databases.push({db: Number(db), keys: Number(counts[1]), expires: Number(counts[2])});
  }
  return databases.sort((a, b) => a.db - b.db);
}

/** A replica as its master lists it. The address is what it announced: for comparison, never for dialling. */
export interface ListedReplica {
  readonly host: string;
  readonly port: number;
  readonly state: string;
  /** Last acknowledged offset; 0 until the first acknowledgement after a partial resync. */
  readonly offset: number;
  /** Whole seconds since the last acknowledgement; null unless online. */
  readonly ackSeconds: number | null;
}

/** `slave0:ip=…,port=…,state=online,offset=…,lag=…`. Lines of another form are left out rather than guessed at. */
export function infoReplicas(info: Info): readonly ListedReplica[] {
  const replicas: ListedReplica[] = [];
  for (const [name, value] of info.fields) {
    if (!/^slave\d+$/.test(name)) continue;
    const parts = value
      .split(',')
      .map((part) => [part.slice(0, part.indexOf('=')), part.slice(part.indexOf('=') + 1)] as const);
    const field = (key: string): string => parts.find(([k]) => k === key)?.[1] ?? '';
    // An injected comma shows as a repeated key.
    if (new Set(parts.map(([key]) => key)).size !== parts.length) continue;
    if (!/^\d{1,5}$/.test(field('port')) || !/^\d{1,16}$/.test(field('offset'))) continue;
    const state = field('state');
    replicas.push({
      host: field('ip'),
      port: Number(field('port')),
      state,
      offset: Number(field('offset')),
      ackSeconds: state === 'online' && /^\d{1,9}$/.test(field('lag')) ? Number(field('lag')) : null,
    });
  }
  return replicas;
}

/**
 * How often this process was told to change its role, and to write its config file, since it started or since CONFIG RESETSTAT.
 * Null: it does not say; before Redis 7.0 the subcommands of CONFIG are not told apart.
 */
export interface RoleOrders {
  readonly changes: number;
  readonly rewrites: number | null;
  /** It was told to, whatever came of it. */
  readonly isRewriteTried?: boolean;
}

/** From `INFO commandstats`: `cmdstat_replicaof:calls=1,usec=9,usec_per_call=9.00,rejected_calls=0,failed_calls=0`. Failed calls do not count. */
export function infoRoleOrders(info: Info): RoleOrders {
  const done = (command: string): number | null => {
    const stat = infoText(info, `cmdstat_${command}`);
    if (stat === null) return null;
    const field = (name: string): number =>
      Number(new RegExp(`(?:^|,)${name}=(\\d{1,15})(?:,|$)`).exec(stat)?.[1] ?? 0);
    return Math.max(0, field('calls') - field('failed_calls'));
  };
  const isRewriteTried = infoText(info, 'cmdstat_config|rewrite') !== null;
  const changes = ['replicaof', 'slaveof', 'failover'].reduce((sum, command) => sum + (done(command) ?? 0), 0);
  return {changes, rewrites: done('config|rewrite') ?? (done('config') === null ? 0 : null), isRewriteTried};
}
