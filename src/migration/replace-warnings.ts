/** Pure: what an operator should know before a master is replaced, and what is no reason not to. */
import {escapeText} from '../errors.js';
import {nodesOf, undeclared} from '../replication/graph.js';
import {factsOf} from '../replication/observe.js';
import {canReadSnapshotOf} from '../replication/versions.js';
import {addressText, type Shard} from '../topology/types.js';
import {isVolatile, type Judging, names} from './replace-judge.js';

export function warningsOf({replacement, facts, means, observation}: Judging, shard: Shard): string[] {
  const at = names(replacement);
  const {old, next} = facts;
  const nodes = nodesOf(shard, observation);
  const strangers = undeclared(nodes[0]!, nodes).map((one) => escapeText(addressText(one)));
  const silent = replacement.siblings
    .filter((one) => factsOf(observation, one) === null)
    .map((one) => addressText(one.address));
  const fileless = [next.configFile ? [] : [at.next], old.configFile ? [] : [at.old]].flat();
  const sentences: readonly (readonly [boolean, string])[] = [
    [
      fileless.length > 0,
      `${fileless.join(' and ')} started without a config file: a restart would bring the old role back`,
    ],
    [
      isVolatile(next, means.next) && isVolatile(old, means.old),
      `${at.next} keeps its data in memory only, as ${at.old} does: a restart of it would empty its replicas too`,
    ],
    [
      !canReadSnapshotOf(old, next),
      `no way back: ${at.old} (${old.version}) cannot read the snapshots of ${at.next} (${next.version}), so it follows only as long as the link lasts`,
    ],
    [
      next.evictionPolicy !== old.evictionPolicy && (next.maxMemoryBytes ?? 0) > 0,
      escapeText(`${at.next} has maxmemory-policy ${next.evictionPolicy}, ${at.old} has ${old.evictionPolicy}`),
    ],
    [
      strangers.length > 0,
      `${strangers.join(', ')} follow${strangers.length === 1 ? 's' : ''} ${at.old} and is not declared: left under it`,
    ],
    [silent.length > 0, `${silent.join(', ')} does not answer: left under ${at.old}; later: rtopo replicate`],
  ];
  return sentences.flatMap(([isTrue, text]) => (isTrue ? [text] : []));
}
