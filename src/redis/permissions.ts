/**
 * What each command of rtopo asks of a server's access control list: the one table from which `rtopo acl` prints, remedies quote, and
 * the tests take the user under which they run every command. Names as ACL rules have them: `config|get`.
 */

/** Keys that a login must reach. `lock`: rtopo's own keys only; `read` and `write`: those of the data too. */
export type KeyAccess = 'none' | 'lock-read' | 'lock' | 'read' | 'write';

export interface Permission {
  /** The command as it is typed: `rebalance plan`. */
  readonly command: string;
  readonly keys: KeyAccess;
  readonly commands: readonly string[];
}

/** Who a server is, and the name of the connection in its list of clients. */
const BASE = ['info', 'role', 'client|setname'];
const CONFIG = ['config|get', 'config|set', 'config|rewrite'];
/** What is asked beforehand, so that nothing fails halfway. */
const PREFLIGHT = [
  'ping',
  'acl|whoami',
  'acl|dryrun',
  'client|list',
  'command|info',
  'function|list',
  'get',
  'module|list',
  'pubsub|numsub',
];
const LOCK = ['eval', 'evalsha', 'get', 'set', 'del', 'pexpire'];
const ROLES = ['replicaof', ...CONFIG, ...PREFLIGHT];
/** Why a link is not up, who else gives orders, and what could be done about it. */
const LOOKING = ['ping', 'acl|dryrun', 'client|list', 'command|info', 'config|get', 'pubsub|numsub'];
const PAUSE = ['client|pause', 'client|unpause'];

/** Values that are read, digested and compared part by part. */
const READERS = [
  'client|no-touch',
  ...['select', 'scan', 'type', 'exists', 'dump', 'get', 'mget', 'pttl', 'pexpiretime', 'memory|usage'],
  ...[
    'hpexpiretime',
    'strlen',
    'getrange',
    'llen',
    'lrange',
    'hlen',
    'hscan',
    'scard',
    'sscan',
    'zcard',
    'zscan',
    'zrange',
  ],
  ...['xlen', 'xrange', 'xinfo|stream', 'xpending'],
];
const BUILDERS = [
  ...['set', 'setrange', 'rpush', 'hset', 'sadd', 'zadd', 'restore', 'persist', 'pexpire', 'pexpireat', 'renamenx'],
  ...[
    'hpexpireat',
    'xadd',
    'xdel',
    'xtrim',
    'xsetid',
    'xclaim',
    'xgroup|create',
    'xgroup|createconsumer',
    'xgroup|setid',
  ],
];
const DELETERS = ['del', 'unlink', 'eval', 'watch', 'unwatch', 'multi', 'exec', 'xgroup|destroy'];
const CENSUS = [
  ...[
    'ping',
    'echo',
    'time',
    'wait',
    'client|list',
    'command',
    'command|info',
    'config|get',
    'module|list',
    'function|list',
  ],
  ...['object|idletime', 'object|freq', 'evalsha', 'evalsha_ro', 'randomkey', 'psync', 'replconf'],
];
const MOVING = [
  ...LOCK,
  ...READERS,
  ...BUILDERS,
  ...DELETERS,
  ...CENSUS,
  'bgsave',
  'waitaof',
  'function|load',
  ...PAUSE,
];
const HANDOVER = [...ROLES, 'bgsave', 'client|kill', 'select', 'wait'];
const SWITCHOVER = [...HANDOVER, ...LOCK, ...PAUSE, 'failover', 'multi', 'exec'];

const TABLE: readonly Permission[] = [
  {command: 'status', keys: 'none', commands: LOOKING},
  {command: 'discover', keys: 'none', commands: LOOKING},
  {command: 'doctor', keys: 'none', commands: LOOKING},
  {command: 'replicate', keys: 'lock', commands: [...ROLES, ...LOCK]},
  {command: 'switchover', keys: 'lock', commands: SWITCHOVER},
  {command: 'switchover resume', keys: 'lock', commands: SWITCHOVER},
  {command: 'switchover abort', keys: 'lock', commands: SWITCHOVER},
  {command: 'failover', keys: 'lock', commands: [...HANDOVER, ...LOCK]},
  // Only with --check: without it no server is asked.
  {command: 'locate', keys: 'read', commands: ['select', 'exists', 'client|no-touch']},
  {command: 'verify', keys: 'read', commands: ['select', 'scan', 'randomkey', 'client|no-touch']},
  {command: 'rebalance', keys: 'write', commands: [...MOVING, ...HANDOVER]},
  {
    command: 'rebalance plan',
    keys: 'write',
    commands: [...READERS, ...CENSUS, ...PREFLIGHT, 'restore', 'eval', 'del', 'unlink', 'set'],
  },
  {command: 'rebalance status', keys: 'read', commands: ['get', 'select', 'exists']},
  {command: 'rebalance resume', keys: 'write', commands: [...MOVING, ...HANDOVER]},
  {command: 'rebalance prune', keys: 'write', commands: MOVING},
  {command: 'rebalance abort', keys: 'write', commands: [...MOVING, ...HANDOVER]},
];

/** The login of replicas towards their master: `masteruser`, on every server. */
export const REPLICATION_COMMANDS: readonly string[] = ['psync', 'replconf', 'ping'];

export const permissions: readonly Permission[] = TABLE.map(({command, keys, commands}) => ({
  command,
  keys,
  commands: [...new Set([...BASE, ...commands])].sort(),
}));

export function permissionOf(command: string): Permission | null {
  return permissions.find((one) => one.command === command) ?? null;
}

/** Rules for the keys. `prefixes`: patterns of the data's keys, instead of all of them. */
export function keyRules(access: KeyAccess, prefixes: readonly string[] = ['*']): readonly string[] {
  const [own, data] = [RESERVED, prefixes.includes('*') ? ['*'] : [...prefixes]];
  switch (access) {
    case 'none':
      return [];
    case 'lock-read':
      return [`%R~${own}`];
    case 'lock':
      return [`~${own}`];
    case 'read':
      return data.map((pattern) => `%R~${pattern}`);
    case 'write':
      // The lock, and scratch and aside copies of rtopo, lie beside the data.
      return (data.includes('*') ? data : [own, ...data]).map((pattern) => `~${pattern}`);
  }
}

/** Every key of rtopo's own. */
const RESERVED = '__rtopo:*';

/** Commands that came later than 7.0, with the first version that knows them: to any older one a rule that names them is an error. */
const SINCE: Readonly<Record<string, readonly [major: number, minor: number]>> = {
  waitaof: [7, 2],
  'client|no-touch': [7, 2],
  hpexpiretime: [7, 4],
  hpexpireat: [7, 4],
};

export type Version = readonly [major: number, minor: number];

/** Of the commands of a permission, those that a server of this version has. */
export function knownTo([major, minor]: Version, commands: readonly string[]): readonly string[] {
  return commands.filter((name) => {
    const [first, second] = SINCE[name] ?? [0, 0];
    return major > first || (major === first && minor >= second);
  });
}

/** The rules of ACL SETUSER for one command, after `reset`. */
export function rulesOf(
  {keys, commands}: Permission,
  options: {readonly prefixes?: readonly string[] | undefined; readonly version?: Version} = {},
): readonly string[] {
  const known = knownTo(options.version ?? [7, 0], commands);
  return [...keyRules(keys, options.prefixes), '-@all', ...known.map((name) => `+${name}`)];
}

/** A whole user, made anew. The secret is for whoever pastes it to fill in. */
export function userLine(user: string, rules: readonly string[]): string {
  return `ACL SETUSER ${user} reset on >SECRET ${rules.join(' ')}`;
}

/** What a user lacks, added to what it has. */
export function grantLine(user: string, commands: readonly string[]): string {
  return `ACL SETUSER ${user} ${commands.map((name) => `+${name}`).join(' ')}`;
}
