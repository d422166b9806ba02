/** Edits of files that nobody would write. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {RtopoError} from '../../src/errors.js';
import {addShard, removeShard} from '../../src/topology/edit.js';
import {setMaster} from '../../src/topology/edit-master.js';
import {setPlacement} from '../../src/topology/edit-placement.js';
import {renameShard, setWeight} from '../../src/topology/edit-shard.js';
import {parseTopology} from '../../src/topology/parse.js';
import {addressText, type Topology} from '../../src/topology/types.js';
import {at, BLOCK, GAMMA} from './edit-samples.js';
import {MUTABLE, mutated, seeded} from './mutate.js';

const test = suite('topology/edit-fuzz');

/** Whether `short` is `long` with pieces cut out: an edit that only adds, or only removes. */
function isCutFrom(short: string, long: string): boolean {
  let at = 0;
  for (const char of long) {
    at += short.startsWith(char, at) ? char.length : 0;
  }
  return at === short.length;
}

/** What an edit must lead to. */
const summary = (topology: Topology) =>
  topology.shards.map(({name, master}) => ({name, master: addressText(master.address)}));

/** Edits of any acceptable file: the result says what was wanted, or the edit is refused. */
test('edits of mutated files lead to the wanted topology or are refused', () => {
  const random = seeded(11);
  const outcomes = {done: 0, refused: 0};
  for (let i = 0; i < 1500; i += 1) {
    const base = [BLOCK, ...MUTABLE][i % (MUTABLE.length + 1)]!;
    const text = mutated(base, random);
    const before = topologyOf(text);
    if (before === null) {
      continue;
    }
    const shard = before.shards[Math.floor(random() * before.shards.length)]!;
    const replica = shard.replicas[0];
    const edits: readonly (readonly [() => string, (shards: ReturnType<typeof summary>) => boolean])[] = [
      [
        () => addShard(text, GAMMA),
        (shards) => shards.length === before.shards.length + 1 && shards.at(-1)?.name === 'gamma',
      ],
      [() => removeShard(text, shard.name), (shards) => shards.every((one) => one.name !== shard.name)],
      [
        () => setMaster(text, {shard: shard.name, master: replica?.address ?? at('none')}),
        (shards) => shards.some((one) => replica !== undefined && one.master === addressText(replica.address)),
      ],
    ];
    for (const [edit, isWanted] of edits) {
      try {
        const after = edit();
        outcomes.done += 1;
        const told = `${JSON.stringify(text)} → ${JSON.stringify(after)}`;
        assert.ok(isWanted(summary(parseTopology(after, 'r').topology)), told);
        assert.ok(edit === edits[2]![0] || isCutFrom(text, after) || isCutFrom(after, text), told);
      } catch (error) {
        if (!(error instanceof RtopoError)) {
          throw error;
        }
        outcomes.refused += 1;
      }
    }
  }
  assert.ok(outcomes.done > 60, JSON.stringify(outcomes));
});

/** Marks of comments; an edit in place neither takes one away nor writes one. */
const comments = (text: string): readonly string[] => text.match(/(?:^|\s)#.*$/gm) ?? [];

test('weights, names and rules in mutated files are as wanted, or refused; the comments stay', () => {
  const random = seeded(12);
  const outcomes = {done: 0, refused: 0};
  for (let i = 0; i < 1500; i += 1) {
    const text = mutated([BLOCK, ...MUTABLE][i % (MUTABLE.length + 1)]!, random);
    const before = topologyOf(text);
    if (before === null) {
      continue;
    }
    const {name, node} = before.shards[Math.floor(random() * before.shards.length)]!;
    const rule = {scheme: 'modulo', hash: 'md5', hashTag: '{}', more: {a: [1, 'two']}};
    const edits: readonly (readonly [() => string, (after: Topology) => boolean])[] = [
      [
        () => setWeight(text, {name, weight: 7}),
        ({shards}) => shards.some((one) => one.name === name && one.weight === 7),
      ],
      [
        () => renameShard(text, {from: name, to: 'renamed', keepNode: true}),
        ({shards}) => shards.some((one) => one.name === 'renamed' && one.node === (node ?? name)),
      ],
      [() => setPlacement(text, rule), ({placement}) => placement?.scheme === 'modulo' && placement.hashTag === '{}'],
    ];
    for (const [edit, isWanted] of edits) {
      try {
        const after = edit();
        outcomes.done += 1;
        const told = `${JSON.stringify(text)} → ${JSON.stringify(after)}`;
        assert.ok(isWanted(parseTopology(after, 'r').topology), told);
        if (edit !== edits[2]![0]) assert.equal(comments(after), comments(text), told);
        assert.is(edit === edits[0]![0] ? setWeight(after, {name, weight: 7}) : after, after, told);
      } catch (error) {
        if (!(error instanceof RtopoError)) {
          throw error;
        }
        outcomes.refused += 1;
      }
    }
  }
  assert.ok(outcomes.done > 60, JSON.stringify(outcomes));
});

function topologyOf(text: string): Topology | null {
  try {
    return parseTopology(text, 'r').topology;
  } catch {
    return null;
  }
}

test.run();
