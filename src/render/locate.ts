/** Where keys live, as text: a table for people, lines with tabs for programs. */
import {escapeText} from '../errors.js';
import {
  isElsewhere,
  type KeyGroup,
  type LocatedKey,
  type LocateOptions,
  type LocateReport,
  type Locating,
  locateKey,
  type WhyReport,
} from '../report/locate.js';
import type {Style} from './style.js';
import {plural} from './units.js';

/** What follows the key in its line: `\tshard\taddress`, with `--explain` one `\tlabel=value` per fact, and the line break. */
export function lineEnd({
  shard,
  address,
  foundOn,
  why = null,
}: Pick<LocatedKey, 'shard' | 'address' | 'foundOn'> & {why?: WhyReport | null}) {
  const found = foundOn === undefined ? '' : `\t${foundText(foundOn)}`;
  const facts = Object.entries(why ?? {}).map(([label, value]) => `\t${label}=${value}`);
  return `\t${shard ?? '-'}\t${address ?? '-'}${found}${facts.join('')}\n`;
}

function foundText(foundOn: readonly string[]): string {
  return foundOn.length === 0 ? '-' : foundOn.join(',');
}

/** One line per key. `echoes` are the keys as they came. */
export function locateLines({keys}: LocateReport, echoes: readonly string[]): string {
  return keys.map((located, index) => `${echoes[index]}${lineEnd(located)}`).join('');
}

/** For a terminal: columns, and below them what decided for each key, when that was asked for. */
export async function locateTable({keys}: LocateReport, echoes: readonly string[], style: Style): Promise<string> {
  // Loaded here, so that a script that asks a thousand times does not pay for it.
  const {columns} = await import('./table.js');
  const isChecked = keys.some(({foundOn}) => foundOn !== undefined);
  const head = ['KEY', 'SHARD', 'ADDRESS', ...(isChecked ? ['FOUND ON'] : [])].map(style.bold);
  const rows = keys.map((located, index) => [
    escapeText(echoes[index]!),
    style.accent(escapeText(located.shard ?? '-')),
    located.address ?? '-',
    ...(isChecked ? [foundCell(located, style)] : []),
  ]);
  const reasons = keys.flatMap(({why}, index) => (why === undefined ? [] : [reason(escapeText(echoes[index]!), why)]));
  return `${[columns({head, rows}), ...reasons].join('\n\n')}\n`;
}

function foundCell(located: LocatedKey, style: Style): string {
  const text = escapeText(foundText(located.foundOn ?? []));
  if (isElsewhere(located)) return style.bad(`✗ ${text}`);
  return located.foundOn?.length === 1 ? style.good(`✓ ${text}`) : style.dim(text);
}

function reason(key: string, {tagRule, ...facts}: WhyReport): string {
  const lines = [['hash tag', tagRule], ...Object.entries(facts)].map(([label, value]) => [`${label}`, `${value}`]);
  const width = Math.max(...lines.map(([label]) => label!.length));
  return [key, ...lines.map(([label, value]) => `  ${label!.padEnd(width)}  ${value}`)].join('\n');
}

export interface StreamForm {
  readonly json: boolean;
  /** Standard output is a terminal: the echo of a key must not steer it. */
  readonly terminal: boolean;
  /** Makes the bytes of a key safe for a terminal. */
  readonly escaped: (bytes: Uint8Array) => string;
}

/** What `locate -` writes for a key: the answer as a function, or, where only the ending differs, the endings. */
export function streamAnswer(options: LocateOptions, {json, terminal, escaped}: StreamForm) {
  const {placement, addresses, explain} = options;
  if (json) return (key: Buffer) => `${JSON.stringify(locateKey(key, options))}\n`;
  if (terminal || explain) {
    return (key: Buffer, echo: Buffer) => {
      const end = Buffer.from(lineEnd(locateKey(key, options)));
      return Buffer.concat([terminal ? Buffer.from(escaped(echo)) : echo, end]);
    };
  }
  const ends = placement.shards.map((shard, index) => lineEnd({shard: shard.name, address: addresses[index]!}));
  const unplaced = lineEnd({shard: '-', address: '-'});
  const endings = [...ends, unplaced].map((end) => Buffer.from(end));
  return {choose: placement.ownerIndex, folded: placement.folded, endings};
}

/** What `locate - --check` writes for some keys: `locate` finds them. */
export function checkedAnswer(locate: Locating, {json, terminal, escaped}: StreamForm) {
  return async (batch: readonly {readonly key: Buffer; readonly echo: Buffer}[]): Promise<Buffer> => {
    const located = await locate(batch.map(({key}) => key));
    return Buffer.concat(
      located.flatMap((one, i) =>
        json
          ? [Buffer.from(`${JSON.stringify(one)}\n`)]
          : [terminal ? Buffer.from(escaped(batch[i]!.echo)) : batch[i]!.echo, Buffer.from(lineEnd(one))],
      ),
    );
  };
}

/** What a check has to say beside its answers. */
export function renderElsewhere(found: {checked: number; elsewhere: number; absent: number}): string[] {
  const {checked, elsewhere, absent} = found;
  const of = (some: number): string => `${some} of ${plural(checked, 'key')} ${some === 1 ? 'is' : 'are'}`;
  return [
    ...(elsewhere > 0
      ? [`${of(elsewhere)} not on the owner alone. Is the scheme that of the clients? rtopo verify --detect`]
      : []),
    ...(absent > 0 ? [`${of(absent)} on no server`] : []),
  ];
}

/** What is wrong with keys that should have been on one shard, and how names keep them together. */
export function renderApart(groups: readonly KeyGroup[], placement: Tagged): string {
  const total = groups.reduce((sum, group) => sum + group.keys, 0);
  const parts = groups.map(({shard, keys, examples}) => {
    const more = keys > examples.length ? ` and ${plural(keys - examples.length, 'more', 'more')}` : '';
    return `${shard} (${examples.map((text) => `"${text}"`).join(', ')}${more})`;
  });
  const where = `The ${plural(total, 'key')} are not on one shard but on ${groups.length}: ${parts.join(', ')}.`;
  return `${where} ${advice(groups, placement)}`;
}

/** What a placement says of its hash tag. */
interface Tagged {
  readonly tagRule: string;
  readonly tagDelimiters: readonly [open: string, close: string] | null;
}

function advice(groups: readonly KeyGroup[], {tagRule, tagDelimiters}: Tagged): string {
  if (tagDelimiters === null) {
    return tagRule === 'none'
      ? 'This placement has no hash tag: only where clients and topology agree on one (placement.hashTag) can names keep keys together.'
      : `Keys with the same hash tag share a shard; the tag is what ${tagRule} finds.`;
  }
  const [open, close] = tagDelimiters;
  const [one, other] = taggedNames(groups[0]!.examples[0]!, groups[1]!.examples[0]!, open, close);
  return `Keys with the same hash tag share a shard: name them, for example, ${one} and ${other}.`;
}

/** The two keys with what they begin with in common as the tag: `user:42:cart` becomes `{user:42}:cart`. */
function taggedNames(one: string, other: string, open: string, close: string): readonly [string, string] {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length++;
  const common = one.slice(0, length).replace(/[^A-Za-z0-9]+$/, '');
  const isPlain =
    common !== '' && ![...(one + other)].some((c) => c === open || c === close || c === '\\' || c === '…');
  if (!isPlain) return [`${open}user:42${close}:cart`, `${open}user:42${close}:profile`];
  return [one, other].map((key) => `${open}${common}${close}${key.slice(common.length)}`) as [string, string];
}
