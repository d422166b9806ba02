/**
 * Rendezvous (highest random weight) hashing as go-redis 9 does it, with a digest of choice; see rendezvous-scores.ts.
 */
import * as v from 'valibot';
import {digestNames, digests} from '../digests.js';
import {choice} from '../options.js';
import type {Scheme, SchemeTraits} from '../placement.js';
import {notThese} from '../problems.js';
import {rendezvousPlacement} from '../rendezvous-scores.js';
import {wholeKey} from '../tag.js';

const options = v.strictObject(
  {
    /** Hash of keys and nodes. */
    digest: choice('Digest', digestNames),
  },
  notThese('Scheme rendezvous', ['digest', 'hashTag']),
);

const traits: SchemeTraits = {identity: 'node', assignedBy: null, movement: 'minimal', weights: 'ignored'};

export const rendezvous: Scheme<v.InferOutput<typeof options>> = {
  name: 'rendezvous',
  summary: 'rendezvous hashing, as go-redis 9 does it, with a digest of choice',
  movement: 'As few keys as possible: a new shard takes its share and nothing moves between the others.',
  options,
  tag: () => wholeKey,
  variants: digestNames.map((digest) => ({digest})),
  traits: () => traits,
  build: (shards, {digest}, tag) =>
    rendezvousPlacement({scheme: 'rendezvous', shards, traits, tag, hash: digests[digest], hashName: digest}),
};
