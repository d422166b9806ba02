/** A new topology file as text: what an import found, with a comment where a person should look. */
import {parseDocument, stringify} from 'yaml';
import {ExitCode, escapeText, RtopoError} from '../errors.js';
import {mendedName} from './fields.js';

/** A shard to be written. `node` is left out where it equals the name. */
export interface WrittenShard {
  readonly name: string;
  readonly node: string;
  readonly weight: number;
  /** `host:port` */
  readonly master: string;
}

export interface WrittenTopology {
  readonly name: string;
  /** Lines of a comment at the top, without `#`. */
  readonly comments: readonly string[];
  /** `scheme`, `hashTag` and options, in that order. */
  readonly placement: Readonly<Record<string, unknown>>;
  readonly shards: readonly WrittenShard[];
  /** All weights are written, also those of 1: where a client has another default. */
  readonly allWeights?: boolean;
}

export function topologyText({name, comments, placement, shards, allWeights = false}: WrittenTopology): string {
  const flow = (value: unknown): string =>
    stringify(value, {collectionStyle: 'flow', lineWidth: 0, defaultStringType: 'PLAIN'}).trim();
  const lines = shards.map(({name, node, weight, master}) =>
    flow({
      name,
      ...(node === name ? {} : {node}),
      ...(weight === 1 && !allWeights ? {} : {weight}),
      master,
    }),
  );
  return [
    ...comments.map((line) => `# ${escapeText(line)}`),
    'version: 1',
    `name: ${name}`,
    `placement: ${flow(placement)}`,
    'shards:',
    ...lines.map((line) => `  - ${line}`),
    '',
  ].join('\n');
}

/** Valid and distinct names for shards, near to what another system calls them. */
export function shardNames(wanted: readonly string[]): string[] {
  const taken = new Set<string>();
  return wanted.map((text, i) => {
    const mended = mendedName(text) ?? `shard-${i + 1}`;
    let name = mended;
    for (let n = 2; taken.has(name); n++) name = `${mended.slice(0, 58)}-${n}`;
    taken.add(name);
    return name;
  });
}

/** A foreign YAML file as plain values. Rejects with `IMPORT_INVALID` and the place of the first mistake. */
export function readForeignYaml(text: string, file: string): unknown {
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error === undefined) return document.toJS({maxAliasCount: 100});
  const {line, col} = error.linePos?.[0] ?? {line: 1, col: 1};
  throw new RtopoError({
    code: 'IMPORT_INVALID',
    exit: ExitCode.topology,
    message: `${file}:${line}:${col}: ${escapeText(error.message.split('\n')[0]!)}`,
    remedy: 'correct the file, and import it again',
  });
}
