/** Pure: what an operator should know before a master is changed, and what is no reason not to. */
import {escapeText} from '../errors.js';
import type {ListedReplica} from '../redis/info.js';
import {addressText, type Instance} from '../topology/types.js';
import type {Node} from './graph.js';
import {factsOf} from './observe.js';
import type {Means} from './switchover-means.js';
import type {SwitchInput} from './switchover-plan.js';
import {canReadSnapshotOf} from './versions.js';

export interface Warned extends Pick<SwitchInput, 'means' | 'observation' | 'shard'> {
  readonly root: Node;
  readonly node: Node;
  readonly siblings: readonly Instance[];
  readonly strangers: readonly ListedReplica[];
}

export function warningsOf({root, node, siblings, strangers, means, observation, shard}: Warned): string[] {
  const [at, from] = [addressText(node.instance.address), addressText(root.instance.address)];
  const [old, next] = [root.facts, node.facts];
  if (old === null || next === null) return [];
  const of = (instance: Instance): Means | undefined => means.get(addressText(instance.address));
  const everybody = [root.instance, node.instance, ...siblings];
  const fileless = everybody.filter((one) => factsOf(observation, one)?.configFile === false);
  const silent = siblings.filter((one) => factsOf(observation, one) === null);
  const tooOld = [root.instance, ...siblings].filter((one) => {
    const facts = factsOf(observation, one);
    return facts !== null && !canReadSnapshotOf(facts, next);
  });
  const [keeps, kept] = [of(root.instance), of(node.instance)];
  const isVolatile = kept?.savesSnapshots === false && !next.aofEnabled;
  const wasVolatile = keeps?.savesSnapshots === false && !old.aofEnabled;
  const list = (instances: readonly Instance[]): string =>
    instances.map(({address}) => addressText(address)).join(', ');
  const sentences: readonly (readonly [boolean, string])[] = [
    [fileless.length > 0, `started without a config file: ${list(fileless)}; a restart brings the old role back`],
    [
      isVolatile && !wasVolatile,
      `${at} keeps its data in memory only, unlike ${from}: once it leads, a restart of it would empty its replicas too`,
    ],
    [
      tooOld.length > 0,
      `no way back: ${list(tooOld)} cannot read the snapshots of ${at} (${next.version}) and follow only as long as their links last`,
    ],
    [
      next.evictionPolicy !== old.evictionPolicy && (next.maxMemoryBytes ?? 0) > 0,
      escapeText(`${at} has maxmemory-policy ${next.evictionPolicy}, ${from} has ${old.evictionPolicy}`),
    ],
    [
      (keeps?.minReplicas ?? 0) !== (kept?.minReplicas ?? 0),
      `min-replicas-to-write is ${keeps?.minReplicas ?? 'unknown'} on ${from} and ${kept?.minReplicas ?? 'unknown'} on ${at}, which leads from now on`,
    ],
    [
      strangers.length > 0,
      `not declared in shard ${shard.name}, and left under ${from}: ${strangers.map((one) => escapeText(addressText(one))).join(', ')}`,
    ],
    [silent.length > 0, `no answer from ${list(silent)}: left under ${from}; later: rtopo replicate`],
  ];
  return sentences.flatMap(([isTrue, text]) => (isTrue ? [text] : []));
}
