/**
 * The placement battery: what every scheme promises, whatever its rule. A new scheme writes no new laws; it joins by being in
 * the registry, with a line in `samples` when it cannot be built without options.
 */
import {isUtf8} from 'node:buffer';
import * as assert from 'uvu/assert';
import {theoreticalMinimumShare} from '../../src/placement/movement.js';
import {NO_OWNER, type Placement, type Scheme} from '../../src/placement/placement.js';
import {weightShares} from '../../src/placement/weights.js';
import {plainKeys, randomFrom, randomKeys} from './random.js';
import {placed, refusalOf, type ShardSketch} from './topologies.js';

/** A way to write a scheme for any shards: one scheme may have several. */
export interface Sample {
  readonly title: string;
  readonly placement: (names: readonly string[]) => Readonly<Record<string, unknown>>;
  /** Keys that the client itself places nowhere, said without the scheme. Absent: there are none. */
  readonly unplaced?: (key: Buffer) => boolean;
}

/** Shards of a battery run: four and a fifth, in an order that no sorting would give. */
const four = ['delta', 'a', 'charlie', 'bb'];
const fifth = 'eve';
const weighted: readonly ShardSketch[] = four.map((name, i) => ({name, weight: 1 + i}));

export function placementBattery(
  test: (name: string, run: () => void) => void,
  scheme: Scheme,
  {title, placement, unplaced = () => false}: Sample,
): void {
  const build = (shards: readonly (string | ShardSketch)[], more: object = {}): Placement =>
    placed({scheme: scheme.name, ...placement(shards.map(nameOf)), ...more}, shards);
  const law = (name: string, run: () => void): void => test(`${title}: ${name}`, run);

  law('every key of any bytes has one owner, the empty one too', () => total(build(four), unplaced));
  law('the owner depends on the bytes of the key alone', () => pure(build(four), build(four)));
  law('explains what it decided', () => explained(build(four)));
  law('one shard owns everything', () => {
    const only = build(['only']);
    for (const key of keysOfAllKinds()) if (!unplaced(key)) assert.is(only.ownerOf(key).name, 'only');
  });
  law('keys spread by weight', () => spread(build(weighted)));
  law('a shard is what its traits say', () => identity(build, build(four).traits.identity));
  law('addresses move no key', () => {
    const moved = four.map((name, i) => ({name, port: 7000 + i}));
    assert.equal(ownersOf(build(moved), plainKeys(500, 11)), ownersOf(build(four), plainKeys(500, 11)));
  });
  law('adding and removing moves what its traits say', () => movement(build));
  law('the hash tag decides, and none means none', () => tags(build));
  law('an unknown option and an unknown hash tag are refused together', () => {
    const options = {...placement(four), hashTagg: 1, hashTag: 'nonee'};
    const {paths, message} = refusalOf({scheme: scheme.name, ...options}, four);
    assert.equal(paths, ['placement.hashTagg', 'placement.hashTag']);
    assert.match(message, /Did you mean "hashTag"\?.*Did you mean "none"\?/);
  });
}

type Build = (shards: readonly (string | ShardSketch)[], more?: object) => Placement;

function total(placement: Placement, unplaced: (key: Buffer) => boolean): void {
  for (const key of keysOfAllKinds()) {
    const index = placement.ownerIndex(key, 0, key.length);
    if (unplaced(key)) {
      assert.is(index, NO_OWNER);
      assert.throws(() => placement.ownerOf(key), /on no shard/);
      assert.ok(placement.explain(key).facts.some(({label}) => label === 'unplaced'));
      continue;
    }
    assert.ok(Number.isInteger(index) && index >= 0 && index < placement.shards.length);
    assert.is(placement.ownerOf(key), placement.shards[index]);
  }
}

function pure(placement: Placement, again: Placement): void {
  const next = randomFrom(12);
  const keys = keysOfAllKinds();
  const first = keys.map((key) => placement.ownerIndex(key, 0, key.length));
  // A batch as it comes from a socket: all keys in one buffer, asked for in another order.
  const batch = Buffer.concat(keys);
  const starts: number[] = [];
  let at = 0;
  for (const key of keys) {
    starts.push(at);
    at += key.length;
  }
  for (let n = 0; n < keys.length; n++) {
    const i = next() % keys.length;
    assert.is(placement.ownerIndex(batch, starts[i]!, starts[i]! + keys[i]!.length), first[i]);
    assert.is(again.ownerIndex(new Uint8Array(keys[i]!), 0, keys[i]!.length), first[i]);
  }
  assert.equal(batch, Buffer.concat(keys), 'the keys were not written to');
}

function explained(placement: Placement): void {
  for (const key of keysOfAllKinds()) {
    const {hashed, tagRule, facts} = placement.explain(key);
    assert.is.not(tagRule, '');
    assert.ok(facts.length > 0);
    assert.ok(key.includes(hashed), 'what was hashed is part of the key');
    for (const {label, value} of facts) {
      assert.match(label, /^[a-z]+$/);
      assert.not.match(value, /[\x00-\x1f\x7f-\x9f]/);
    }
  }
}

/** Within the noise of counting, and of a ring's points where there is a ring. Assignments promise no shares. */
function spread(placement: Placement): void {
  if (placement.traits.movement === 'assigned') return;
  const keys = plainKeys(20_000, 13);
  const counts = new Map<string, number>();
  for (const owner of ownersOf(placement, keys)) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  for (const [name, share] of weightShares(placement.shards)) {
    const noise = 5 * Math.sqrt((share * (1 - share)) / keys.length);
    // n points per shard vary by about 1/sqrt(n) of the share: 64 points at weight 1 of 10 are 12.5 %, here three times that.
    const {movement, identity} = placement.traits;
    const ring = movement === 'minimal' || (movement === 'shifting' && identity === 'node') ? share * 0.375 : 0;
    const got = (counts.get(name) ?? 0) / keys.length;
    assert.ok(Math.abs(got - share) <= noise + ring, `${name} has ${got} where its weight says ${share}`);
  }
}

function identity(build: Build, kind: 'name' | 'node' | 'order'): void {
  const keys = plainKeys(2000, 14);
  const before = ownersOf(build(four), keys);
  const turned = ownersOf(build(four.toReversed()), keys);
  if (kind === 'order') assert.not.equal(turned, before, 'the order of the file matters');
  else assert.equal(turned, before, 'the order of the file does not matter');
  // In another order by length and by bytes than the names are.
  const otherNodes = ownersOf(build(four.map((name, i) => ({name, node: `${i}`.repeat(i + 1)}))), keys);
  if (kind === 'node') assert.not.equal(otherNodes, before, 'another node is another shard');
  else assert.equal(otherNodes, before, 'the node does not matter');
  if (kind === 'name') return;
  const renamed = build(four.map((name) => ({name: `new-${name}`, node: name})));
  assert.equal(
    ownersOf(renamed, keys),
    before.map((name) => `new-${name}`),
    'the name alone moves no key',
  );
}

function movement(build: Build): void {
  const keys = plainKeys(20_000, 15);
  const small = build(four);
  if (small.traits.assignedBy !== null) return;
  const large = build([...four, fifth]);
  const before = ownersOf(small, keys);
  const after = ownersOf(large, keys);
  const moved = before.flatMap((owner, i) => (owner === after[i] ? [] : [after[i]!]));
  const share = moved.length / keys.length;
  const minimum = theoreticalMinimumShare(small.shards, large.shards);
  const noise = 5 * Math.sqrt((minimum * (1 - minimum)) / keys.length);
  const theory = {
    minimal: [minimum * 0.625, minimum * 1.375 + noise],
    // Nearer to the minimum than to the four fifths that a remainder moves, or half way.
    shifting: [minimum - noise, 0.6],
    reshuffling: [0.8 - noise, 0.8 + noise],
    assigned: [0, 1],
  }[small.traits.movement];
  assert.ok(share >= theory[0]! && share <= theory[1]!, `${share} of the keys move where the minimum is ${minimum}`);
  if (small.traits.movement !== 'minimal') return;
  assert.ok(
    moved.every((owner) => owner === fifth),
    'added: keys move to the new shard only',
  );
  // By order, the fifth in the place of the first is the first.
  if (small.traits.identity === 'order') return;
  const without = build([fifth, ...four.slice(1)]);
  ownersOf(without, keys).forEach((owner, i) => {
    if (after[i] !== four[0]) assert.is(owner, after[i], 'removed: only keys of the removed shard move');
  });
}

function tags(build: Build): void {
  const keys = plainKeys(200, 16).map((key) => Buffer.concat([key, Buffer.from('<tag>')]));
  const tagged = build(four, {hashTag: '<>'});
  const owner = tagged.ownerOf(Buffer.from('tag'));
  for (const key of keys) assert.is(tagged.ownerOf(key), owner);
  assert.is(tagged.explain(keys[0]!).hashed.toString(), 'tag');
  const whole = build(four, {hashTag: 'none'});
  assert.is(whole.explain(keys[0]!).hashed.toString(), keys[0]!.toString());
  if (whole.traits.movement !== 'assigned') assert.ok(new Set(ownersOf(whole, keys)).size > 1);
}

function keysOfAllKinds(): readonly Buffer[] {
  const edges = ['', '{}', '{', '}', '{}{x}', '{a}', '0', '00', '18446744073709551616', 'clé', '\0'].map((text) =>
    Buffer.from(text),
  );
  const bytes = Array.from({length: 256}, (_, byte) => Buffer.from([byte]));
  return [...edges, ...bytes, Buffer.alloc(5000, 0xff), ...randomKeys(2000, 17), ...plainKeys(500, 18)];
}

function ownersOf(placement: Placement, keys: readonly Buffer[]): string[] {
  return keys.map((key) => placement.ownerOf(key).name);
}

function nameOf(shard: string | ShardSketch): string {
  return typeof shard === 'string' ? shard : shard.name;
}

/** Contiguous slots by name: sorted, so that the assignment is the same in any order of the file. */
function slotsFor(names: readonly string[], count: number): Record<string, string> {
  const sorted = names.toSorted();
  const width = Math.ceil(count / sorted.length);
  return Object.fromEntries(sorted.map((name, i) => [name, `${i * width}-${Math.min(count, (i + 1) * width) - 1}`]));
}

/** Limits between `b` and `z`, or from 1000 upwards, owned in sorted order. */
function rangesFor(names: readonly string[], limit: (i: number) => string | number) {
  const sorted = names.toSorted();
  return sorted.map((shard, i) => (i === sorted.length - 1 ? {shard} : {below: limit(i), shard}));
}

/** How schemes are written that need options, or have several faces. All others: without any option. */
export const samples: Readonly<Record<string, readonly Sample[]>> = {
  range: [
    {title: 'range by bytes', placement: (names) => ({ranges: rangesFor(names, (i) => String.fromCharCode(99 + i))})},
    {
      title: 'range by number',
      placement: (names) => ({
        by: 'number',
        extract: '(\\d+)',
        otherwise: names.toSorted()[0],
        ranges: rangesFor(names, (i) => 1000 * (i + 1)),
      }),
    },
  ],
  slots: [
    {title: 'slots, even', placement: () => ({})},
    {title: 'slots, assigned', placement: (names) => ({slots: slotsFor(names, 16384)})},
  ],
  codis: [
    {title: 'codis, even', placement: () => ({})},
    {title: 'codis, assigned', placement: (names) => ({slots: slotsFor(names, 1024)})},
  ],
  modulo: [{title: 'modulo', placement: () => ({})}, faced('modulo', {hash: 'xxh64'})],
  twemproxy: [faced('twemproxy', {distribution: 'ketama'}), faced('twemproxy', {distribution: 'modula'})],
  libmemcached: (['weighted', 'ketama', 'modula'] as const).map((mode) => faced('libmemcached', {mode})),
  phpredis: [
    faced('phpredis', {}),
    faced('phpredis', {consistent: true}),
    faced('phpredis', {algorithm: 'md5'}),
    faced('phpredis', {consistent: true, algorithm: 'xxh64'}),
  ],
  predis: [faced('predis', {}), faced('predis', {distributor: 'ketama'})],
  'redis-rb': [faced('redis-rb', {}), faced('redis-rb', {version: 4}), faced('redis-rb', {tag: '<(.+?)>'})],
  jedis: [
    faced('jedis', {}),
    faced('jedis', {hash: 'md5'}),
    faced('jedis', {named: true}),
    faced('jedis', {named: true, version: 2}),
    faced('jedis', {version: 4}),
  ],
  'go-redis': [faced('go-redis', {}), faced('go-redis', {version: 6})],
  envoy: [faced('envoy', {}), faced('envoy', {policy: 'maglev'}), faced('envoy', {hashFunction: 'murmur_hash_2'})],
  predixy: [{...faced('predixy', {}), unplaced: (key) => key.length > 512}],
  hashring: [faced('hashring', {}), faced('hashring', {algorithm: 'sha1', replicas: 3})],
  uhashring: [faced('uhashring', {}), faced('uhashring', {mode: 'ketama'})],
  'redis-shard': (['crc32', 'md5', 'sha1'] as const).map((hash) => ({
    ...faced('redis-shard', {hash}),
    unplaced: isWideText,
  })),
  'sentry-rb': [faced('sentry-rb', {}), faced('sentry-rb', {router: 'consistent'})],
};

/** Text whose tag, as Python finds it, has characters that Latin-1 lacks. */
function isWideText(key: Buffer): boolean {
  if (!isUtf8(key)) return false;
  const text = key.toString();
  return /[^\0-\xff]/.test(/^[^\n]*\{([^\n]*)\}/.exec(text)?.[1] ?? text);
}

/** The scheme with these options, whatever the shards. */
function faced(scheme: string, options: Readonly<Record<string, unknown>>): Sample {
  const title = [scheme, ...Object.entries(options).map(([name, value]) => `${name} ${value}`)].join(', ');
  return {title, placement: () => options};
}
