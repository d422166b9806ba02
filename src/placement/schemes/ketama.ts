/**
 * Twemproxy's ring under its plain name: see ketama-ring.ts. A shard's label is its `node`, taken as it is.
 */
import * as v from 'valibot';
import {twemproxyKetama} from '../ketama-ring.js';
import {choice} from '../options.js';
import type {Scheme, SchemeTraits} from '../placement.js';
import {notThese} from '../problems.js';
import {wholeKey} from '../tag.js';
import {chars, hashNames} from './twemproxy.js';

const options = v.strictObject(
  {
    /** Hash of the key, by twemproxy's name and with twemproxy's meaning. */
    hash: choice('Hash', hashNames),
    /** How the machine of the client reads a byte: `unsigned` for twemproxy on ARM Linux. */
    char: choice('Char', chars),
  },
  notThese('Scheme ketama', ['hash', 'char', 'hashTag']),
);

const traits: SchemeTraits = {identity: 'node', assignedBy: null, movement: 'minimal'};

export const ketama: Scheme<v.InferOutput<typeof options>> = {
  name: 'ketama',
  summary: 'the consistent hash ring of twemproxy, weights included',
  movement: 'About as few keys as possible: a new shard takes its share and nothing moves between the others.',
  options,
  tag: () => wholeKey,
  variants: hashNames.map((hash) => ({hash})),
  traits: () => traits,
  build: (shards, given, tag) => twemproxyKetama({scheme: 'ketama', shards, traits, tag}, given),
};
