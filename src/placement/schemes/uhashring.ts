/**
 * The Python package uhashring 2. Mode `ketama`: labels of four MD5 points; `default`: 160 points per unit of weight, each the whole
 * MD5 as one number. In both a key belongs to the first point strictly after its hash.
 * Source: ultrabug/uhashring uhashring/ring_ketama.py, ring_meta.py, ring.py. Keys are text, hashed as UTF-8.
 */
import * as v from 'valibot';
import {md5, md5Wide} from '../hash/md5.js';
import {choice} from '../options.js';
import type {Placement, PlacementParts, Scheme, SchemeTraits} from '../placement.js';
import {labelled, md5Points, pointless, refuseTooManyPoints, requireDistinctNodes} from '../points.js';
import {notThese, Problems} from '../problems.js';
import {Ring, type RingRule, WideRing} from '../ring.js';
import {ringPlacement, wideRingPlacement} from '../ring-placement.js';
import {wholeKey} from '../tag.js';
import {requireWholeWeights, totalWeight} from '../weights.js';

const options = v.strictObject(
  {
    /** `mode` of HashRing: the package's default is called default here, `hash_fn=\'ketama\'` ketama. */
    mode: choice('Mode', ['default', 'ketama']),
  },
  notThese('Scheme uhashring', ['mode', 'hashTag']),
);

const traits: SchemeTraits = {identity: 'node', assignedBy: null, movement: 'minimal'};
const rule: RingRule = {search: 'after', ties: 'later'};
const pointsPerWeight = 160;
const labelsPerNode = 40;

export const uhashring: Scheme<v.InferOutput<typeof options>> = {
  name: 'uhashring',
  summary: 'the Python package uhashring: its default ring or its ketama mode',
  movement: 'About as few keys as possible.',
  options,
  tag: () => wholeKey,
  variants: [{}, {mode: 'ketama'}],
  nodeForms: [{form: 'host:port', nodeOf: ({host, port}) => `${host}:${port}`}],
  traits: () => traits,
  build(shards, {mode}, tag) {
    const problems = new Problems();
    requireWholeWeights('uhashring', shards, problems);
    requireDistinctNodes(shards, problems);
    refuseTooManyPoints(pointsPerWeight * (mode === 'ketama' ? shards.length : totalWeight(shards)), problems);
    problems.refuse();
    const parts = {scheme: 'uhashring', shards, traits, tag};
    return mode === 'ketama' ? ketama(parts) : wide(parts);
  },
};

type Parts = Pick<PlacementParts, 'scheme' | 'shards' | 'traits' | 'tag'>;

function ketama(parts: Parts): Placement {
  const total = totalWeight(parts.shards);
  const points = parts.shards.flatMap(({node, weight}, owner) =>
    // Integers throughout: Python floors the one division.
    labelled(owner, Math.floor((labelsPerNode * parts.shards.length * weight) / total), (i) =>
      md5Points(`${node}-${i}`),
    ),
  );
  const ring = new Ring(points, rule);
  return ringPlacement({...parts, ring, hash: md5, hashName: 'md5', warnings: pointless(parts.shards, ring.owners)});
}

function wide(parts: Parts): Placement {
  const points = parts.shards.flatMap(({node, weight}, owner) =>
    Array.from({length: pointsPerWeight * weight}, (_, i) => {
      const label = Buffer.from(`${node}-${i}`);
      const point = new Uint32Array(4);
      md5Wide(label, 0, label.length, point);
      return {point, owner};
    }),
  );
  return wideRingPlacement({...parts, ring: new WideRing(points, 4, rule), hash: md5Wide, hashName: 'md5'});
}
