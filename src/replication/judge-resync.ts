/** Pure: is a link that is not up one of those that never come up, because each resync ends in the next one? */
import type {Finding} from '../report/finding.js';
import {addressText} from '../topology/types.js';
import {liveParent, parentOf} from './graph.js';
import {redisCli} from './redis-cli.js';
import {type Answered, warning} from './subject.js';

/** So many more full resyncs than replicas are no first attachments any more. */
const AGAIN = 3;

export function judgeResyncs(subject: Answered): Finding[] {
  const {node, nodes, shard} = subject;
  const parent = liveParent(node, nodes);
  if (parent === null || parent.facts === null || parent.facts.fullSyncs === null) return [];
  const {fullSyncs, refusedPartialSyncs, bufferDisconnects, backlog, replicas} = parent.facts;
  const declared = shard.replicas.filter((replica) => parentOf(shard, replica) === parent.instance).length;
  const again = fullSyncs - Math.max(1, declared, replicas.length);
  if (again < AGAIN) return [];
  const overflowed = (bufferDisconnects ?? 0) > 0 || (refusedPartialSyncs ?? 0) === 0;
  const of = addressText(parent.instance.address);
  const why = overflowed
    ? 'most often the output buffer of the replica overflows while the snapshot travels'
    : `${refusedPartialSyncs} times its backlog (${backlog?.sizeBytes ?? 0} bytes) did not reach back far enough to go on`;
  return [
    warning(
      subject,
      'RESYNC_LOOP',
      `${of} has given ${fullSyncs} full resyncs to ${Math.max(declared, replicas.length)} replicas since it started, and ${addressText(node.instance.address)} is not up: ${why}.`,
      overflowed
        ? redisCli(parent.instance, 'CONFIG SET client-output-buffer-limit "replica 1gb 512mb 120"')
        : redisCli(parent.instance, 'CONFIG SET repl-backlog-size 256mb'),
    ),
  ];
}
