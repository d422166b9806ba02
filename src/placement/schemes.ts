/**
 * The registry of schemes, and the one door to a placement: `placementOf`.
 */
import type {PlacementSpec, Topology} from '../topology/types.js';
import {type Placement, placementFrom, type Scheme, type SchemeTraits, type ShardIdentity} from './placement.js';
import {invalidPlacement, listed, Problems, quoted, readOptions, suggestion} from './problems.js';
import {codis} from './schemes/codis.js';
import {credis} from './schemes/credis.js';
import {djangoRedis} from './schemes/django-redis.js';
import {envoy} from './schemes/envoy.js';
import {goRedis} from './schemes/go-redis.js';
import {hashring} from './schemes/hashring.js';
import {jedis} from './schemes/jedis.js';
import {jump} from './schemes/jump.js';
import {ketama} from './schemes/ketama.js';
import {libmemcached} from './schemes/libmemcached.js';
import {maglev} from './schemes/maglev.js';
import {modulo} from './schemes/modulo.js';
import {phpredis} from './schemes/phpredis.js';
import {predis} from './schemes/predis.js';
import {predixy} from './schemes/predixy.js';
import {range} from './schemes/range.js';
import {redisRb} from './schemes/redis-rb.js';
import {redisShard} from './schemes/redis-shard.js';
import {rendezvous} from './schemes/rendezvous.js';
import {sentryRb} from './schemes/sentry-rb.js';
import {slots} from './schemes/slots.js';
import {twemproxy} from './schemes/twemproxy.js';
import {uhashring} from './schemes/uhashring.js';
import {type TagRule, tagRule, tagRuleNames, wholeKey} from './tag.js';

/** Every scheme that a topology may name. A new one is a file in `schemes/` and a line here. */
export const schemes: readonly Scheme[] = [
  range, //
  modulo,
  ketama,
  jump,
  rendezvous,
  maglev,
  slots,
  twemproxy,
  libmemcached,
  phpredis,
  predis,
  redisRb,
  jedis,
  goRedis,
  envoy,
  codis,
  predixy,
  hashring,
  uhashring,
  djangoRedis,
  redisShard,
  sentryRb,
  credis,
];

/** The placement that a topology declares. Without one, the only shard owns every key (scheme `single`). */
export function placementOf(topology: Topology): Placement {
  const shards = topology.shards.map(({name, node, weight}) => ({name, node: node ?? name, weight}));
  refuseNamesakes(shards);
  const {placement} = topology;
  if (placement !== null) return boundPlacement(placement, shards);
  if (shards.length === 1) return single(shards);
  throw invalidPlacement(
    [
      {
        message: `There are ${shards.length} shards and no placement that says which keys belong to which.`,
        path: ['placement'],
      },
    ],
    `Add placement: {scheme: …} to the topology; known schemes are ${listed(schemes.map(({name}) => name))}.`,
  );
}

/** A scheme with its raw options, bound to shards. Throws `PLACEMENT_INVALID`. */
export function boundPlacement(
  {scheme: name, hashTag, options: raw}: PlacementSpec,
  shards: readonly ShardIdentity[],
): Placement {
  const scheme = schemeNamed(name);
  const problems = new Problems();
  const {options, problems: found} = readOptions(scheme, raw);
  problems.add(found);
  const named = hashTag === null ? null : tagOf(hashTag, scheme, problems);
  problems.refuse(
    `Options of scheme ${scheme.name} are ${listed([...Object.keys(scheme.options.entries), 'hashTag'])}.`,
  );
  return scheme.build(shards, options, named ?? scheme.tag(options));
}

/** The scheme of that name, or `PLACEMENT_INVALID` with the one that was probably meant. */
export function schemeNamed(name: string): Scheme {
  const found = schemes.find((scheme) => scheme.name === name);
  if (found !== undefined) return found;
  const names = schemes.map((scheme) => scheme.name);
  throw invalidPlacement(
    [{message: `Scheme ${quoted(name)} is unknown.${suggestion(name, names)}`, path: ['placement', 'scheme']}],
    `Known schemes are ${listed(names)}.`,
  );
}

function tagOf(text: string, scheme: Scheme, problems: Problems): TagRule {
  const rule = tagRule(text, scheme.emptyTag);
  if (rule !== null) return rule;
  const known = `two characters such as "{}", ${tagRuleNames.join(' or ')}`;
  problems.inOption(['hashTag'], `Hash tag ${quoted(text)} is none of ${known}.${suggestion(text, tagRuleNames)}`);
  return wholeKey;
}

/** A name is what a shard is known by: two shards of one name would make the owner of a key ambiguous. */
function refuseNamesakes(shards: readonly ShardIdentity[]): void {
  if (shards.length === 0) throw invalidPlacement([{message: 'There is no shard to own a key.', path: ['shards']}]);
  const problems = new Problems();
  const names = new Set<string>();
  shards.forEach(({name}, index) => {
    if (names.has(name)) problems.inShard(index, 'name', `There are two shards named ${quoted(name)}.`);
    names.add(name);
  });
  problems.refuse();
}

const singleTraits: SchemeTraits = {identity: 'name', assignedBy: null, movement: 'assigned'};

function single(shards: readonly ShardIdentity[]): Placement {
  const facts = () => [{label: 'shards', value: 'one, and it owns every key'}];
  return placementFrom({scheme: 'single', shards, traits: singleTraits, tag: wholeKey, owner: () => 0, facts});
}
