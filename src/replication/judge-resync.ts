/** Pure: is a link that is not up one of those that never come up, because each resync ends in the next one? */
import type {Finding} from '../report/finding.js';
import {addressText} from '../topology/types.js';
import {type Earlier, watchedResyncs} from './earlier.js';
import {liveParent, parentOf} from './graph.js';
import {isLegacySync} from './judge-legacy.js';
import {linkStatus} from './link-status.js';
import type {Observation} from './observe.js';
import {redisCli} from './redis-cli.js';
import {type Answered, warning} from './subject.js';

/** So many more full resyncs than replicas are no first attachments any more. */
const AGAIN = 3;

/** Watched for so long without another one, a count from before says nothing of now; milliseconds. */
const CALM_MS = 60_000;

export function judgeResyncs(subject: Answered, observation: Observation, earlier: Earlier | null): Finding[] {
  const {node, nodes, shard} = subject;
  const parent = liveParent(node, nodes);
  if (parent === null || parent.facts === null || parent.facts.fullSyncs === null) return [];
  // Who is cut off for its old protocol goes round too, and no larger buffer ends that.
  if (linkStatus(subject).link === 'up' || isLegacySync(subject)) return [];
  const {fullSyncs, refusedPartialSyncs, bufferDisconnects, backlog, replicas} = parent.facts;
  const declared = shard.replicas.filter((replica) => parentOf(shard, replica) === parent.instance).length;
  const again = fullSyncs - Math.max(1, declared, replicas.length);
  const observed = observation.byAddress.get(addressText(parent.instance.address));
  const watched = observed?.reachable ? watchedResyncs(observed, earlier, parent.instance) : null;
  if (watched === null ? again < AGAIN : !isLoop(watched, {again, declared})) return [];
  const overflowed = (bufferDisconnects ?? 0) > 0 || (refusedPartialSyncs ?? 0) === 0;
  const of = addressText(parent.instance.address);
  const why = overflowed
    ? 'most often the output buffer of the replica overflows while the snapshot travels'
    : `${refusedPartialSyncs} times its backlog (${backlog?.sizeBytes ?? 0} bytes) did not reach back far enough to go on`;
  return [
    warning(
      subject,
      'RESYNC_LOOP',
      `${of} has given ${fullSyncs} full resyncs to ${Math.max(declared, replicas.length)} replicas since it started${watchedText(watched)}, and ${addressText(node.instance.address)} is not up: ${why}.`,
      overflowed
        ? redisCli(parent.instance, 'CONFIG SET client-output-buffer-limit "replica 1gb 512mb 120"')
        : redisCli(parent.instance, 'CONFIG SET repl-backlog-size 256mb'),
    ),
  ];
}

type Watched = ReturnType<typeof watchedResyncs>;

/**
 * While it is watched, each replica that was not up at the first look may need one; whoever needs a second one goes round. A count from before
 * is believed as long as it goes on.
 */
function isLoop(
  {given, ms, before}: NonNullable<Watched>,
  {again, declared}: {readonly again: number; readonly declared: number},
): boolean {
  const online = before.replicas.filter(({state}) => state === 'online').length;
  const due = Math.max(1, Math.max(declared, before.replicas.length) - online);
  return given > due || (again >= AGAIN && (given > 0 || ms < CALM_MS));
}

function watchedText(watched: Watched): string {
  return watched === null || watched.given <= 0
    ? ''
    : ` (${watched.given} in the last ${Math.max(1, Math.round(watched.ms / 1000))} s)`;
}
