/** What a sandbox consists of, before anything runs: names, files and their texts. No clock, no disk, no process. */
import {usageError} from '../errors.js';

export interface SandboxSize {
  readonly shards: number;
  /** Per shard. */
  readonly replicas: number;
  /** Shards that run, but are not in rtopo.yml: something to grow into. */
  readonly spares: number;
}

export interface PlannedShard {
  readonly name: string;
  readonly spare: boolean;
  /** Names of its servers, the master first: `alpha-1`. Also the names of their folders. */
  readonly servers: readonly string[];
}

const shardNames = [
  ...['alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta', 'eta', 'theta', 'iota', 'kappa', 'lambda', 'mu'],
  ...['nu', 'xi', 'omicron', 'pi', 'rho', 'sigma', 'tau', 'upsilon', 'phi', 'chi', 'psi', 'omega'],
];
const mostServers = 60;

/** Declared shards first, then the spares. */
export function planShards({shards, replicas, spares}: SandboxSize): readonly PlannedShard[] {
  const problem = sizeProblem({shards, replicas, spares});
  if (problem !== null)
    throw usageError({message: problem, remedy: 'rtopo sandbox up --shards 3 --replicas 1 --spares 1'});
  return shardNames.slice(0, shards + spares).map((name, index) => ({
    name,
    spare: index >= shards,
    servers: Array.from({length: 1 + replicas}, (_, i) => `${name}-${i + 1}`),
  }));
}

function sizeProblem({shards, replicas, spares}: SandboxSize): string | null {
  const whole = [shards, replicas, spares].every((count) => Number.isInteger(count) && count >= 0);
  if (!whole || shards < 1) return 'A sandbox has at least one shard; replicas and spares are whole numbers from 0.';
  if (shards + spares > shardNames.length) return `A sandbox has at most ${shardNames.length} shards with its spares.`;
  const servers = (shards + spares) * (1 + replicas);
  return servers > mostServers ? `That would be ${servers} servers; a sandbox has at most ${mostServers}.` : null;
}

/** A shard whose servers have been given their addresses, the master first. */
export interface PlacedShard extends PlannedShard {
  readonly addresses: readonly string[];
}

/** The first line of every rtopo.yml that the sandbox wrote, and the sign by which it knows its own file again. */
export const MARKER = '# Written by rtopo sandbox; rtopo sandbox down stops its servers and removes this file.';

export function topologyText(shards: readonly PlacedShard[], schema: string): string {
  const lines = [
    MARKER,
    `# yaml-language-server: $schema=${schema}`,
    'version: 1',
    'name: sandbox',
    'placement:',
    '  scheme: ketama',
    '  hashTag: "{}"',
    'shards:',
  ];
  for (const {name, spare, addresses} of shards) {
    if (spare) continue;
    const [master, ...replicas] = addresses;
    lines.push(`  - name: ${name}`, `    master: ${master}`);
    if (replicas.length > 0) lines.push('    replicas:', ...replicas.map((address) => `      - ${address}`));
  }
  return `${lines.join('\n')}\n`;
}

/** `delta=127.0.0.1:7007,127.0.0.1:7008`: what `rebalance --add` takes. */
export function addArgument(shard: PlacedShard): string {
  return `${shard.name}=${shard.addresses.join(',')}`;
}

/** The configuration of one server. From a file, so that CONFIG REWRITE has somewhere to write. */
export function serverConfig(options: {readonly port: number; readonly dir: string; readonly major: number}): string {
  const lines = [
    'bind 127.0.0.1',
    'protected-mode yes',
    `port ${options.port}`,
    `dir ${quoted(options.dir)}`,
    'appendonly yes',
    'save ""',
    // A replica of a sandbox waits for nobody else: the default would let every first sync take five seconds.
    'repl-diskless-sync-delay 0',
  ];
  if (options.major >= 7) lines.push('enable-debug-command no');
  return `${lines.join('\n')}\n`;
}

/** A word of redis.conf, in double quotes. */
function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\r', '\\r')}"`;
}

/** A command line with the folder named, unless it is the usual one. */
export function sandboxCommand(verb: 'up' | 'down', dir: string, usualDir: string): string {
  if (dir === usualDir) return `rtopo sandbox ${verb}`;
  const word = /^[\w./-]+$/.test(dir) ? dir : `'${dir.replaceAll("'", "'\\''")}'`;
  return `rtopo sandbox ${verb} --dir ${word}`;
}
