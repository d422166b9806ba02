/**
 * Maglev hashing as dgryski/go-maglev does it: permutations from SipHash-2-4 of the node, no weights, digest modulo table size.
 * The nodes take their turns sorted by their bytes, so that the order of the file moves no key; give them to go-maglev sorted.
 * Source: go-maglev maglev.go. Envoy's Maglev differs: scheme envoy, policy maglev.
 */
import * as v from 'valibot';
import {digestNames, digests} from '../digests.js';
import {siphash24With} from '../hash/siphash.js';
import {maglevTable, requirePrime} from '../maglev-table.js';
import {choice, wholeNumber} from '../options.js';
import type {Scheme, SchemeTraits} from '../placement.js';
import {requireDistinctNodes} from '../points.js';
import {notThese, Problems} from '../problems.js';
import {wideRemainderPlacement} from '../remainder.js';
import {wholeKey} from '../tag.js';
import {idleWeights} from '../weights.js';

const options = v.strictObject(
  {
    /** Size of the lookup table, a prime number well above the number of shards. */
    tableSize: wholeNumber('Option tableSize', 65537, [2, 2_097_143]),
    /** Hash of the key. */
    digest: choice('Digest', digestNames),
  },
  notThese('Scheme maglev', ['tableSize', 'digest', 'hashTag']),
);

const traits: SchemeTraits = {identity: 'node', assignedBy: null, movement: 'shifting', weights: 'ignored'};
const siphash = siphash24With([0xdeadbeef, 0xcafebabe, 0, 0]);

export const maglev: Scheme<v.InferOutput<typeof options>> = {
  name: 'maglev',
  summary: 'Maglev hashing as go-maglev does it, with a digest of choice',
  movement: 'A little more than the minimum: some slots change hands between old shards.',
  options,
  tag: () => wholeKey,
  variants: digestNames.map((digest) => ({digest})),
  traits: () => traits,
  build(shards, {tableSize, digest}, tag) {
    const problems = new Problems();
    requireDistinctNodes(shards, problems);
    requirePrime('tableSize', tableSize, problems);
    if (tableSize <= shards.length)
      problems.inOption(['tableSize'], `Option tableSize must be larger than the number of shards, ${shards.length}.`);
    problems.refuse();
    const words = new Uint32Array(2);
    const nodes = shards.map(({node}, owner) => ({owner, bytes: Buffer.from(node)}));
    nodes.sort((a, b) => a.bytes.compare(b.bytes));
    const owners = maglevTable(
      tableSize,
      nodes.map(({owner, bytes}) => {
        siphash(bytes, 0, bytes.length, words);
        return {owner, offset: words[0]! % tableSize, skip: (words[1]! % (tableSize - 1)) + 1, weight: 1};
      }),
    );
    const warnings = idleWeights('go-maglev has no weights', shards);
    const hash = digests[digest];
    return wideRemainderPlacement({scheme: 'maglev', shards, traits, tag, warnings, owners, hash, hashName: digest});
  },
};
