/**
 * Pure: what `replicate` does not do, and the sentence that says so. One function per reason; each names the consent
 * that would allow it, or says that none does.
 */
import {escapeText} from '../errors.js';
import type {ServerFacts} from '../redis/identity.js';
import type {Refusal} from '../report/replicate.js';
import {addressText, type Instance, instancesOf, type Shard} from '../topology/types.js';
import type {Relation} from './lineage.js';
import {factsOf} from './observe.js';
import type {PlanInput} from './plan.js';
import {redisCli} from './redis-cli.js';
import {canReadSnapshotOf} from './versions.js';

export interface Answering {
  readonly instance: Instance;
  readonly facts: ServerFacts;
}

/** Reasons that lie in one instance alone. */
export function refuseInstance(shard: Shard, {instance, facts}: Answering): Refusal[] {
  const at = addressText(instance.address);
  const refuse = (code: string, message: string, remedy: string): Refusal[] => [
    {code, shard: shard.name, instance: at, message, consent: null, remedy},
  ];
  if (facts.mode === 'cluster') {
    return refuse(
      'CLUSTER_ENABLED',
      `${at} runs in cluster mode, where REPLICAOF is not allowed.`,
      'use redis-cli --cluster for it, or start it with cluster-enabled no',
    );
  }
  if (facts.mode === 'sentinel' || facts.role.kind === 'other') {
    return refuse(
      'NOT_A_DATA_SERVER',
      `${at} is not a data server (it says it is ${escapeText(facts.mode)}).`,
      'name the data servers, not the Sentinels, in the topology file',
    );
  }
  if (facts.failoverState !== null && facts.failoverState !== 'no-failover') {
    return refuse(
      'FAILOVER_RUNNING',
      `${at} is in the middle of a FAILOVER (${escapeText(facts.failoverState)}).`,
      `wait for it to end, or end it: ${redisCli(instance, 'FAILOVER ABORT')}`,
    );
  }
  if (facts.tampered.length > 0) {
    return refuse(
      'INFO_TAMPERED',
      `INFO of ${at} has been forged (${facts.tampered.join(', ')}): somebody injected text into it, so its numbers cannot be trusted.`,
      `look at what it follows and serves: ${redisCli(instance, 'ROLE')}`,
    );
  }
  return [];
}

interface Pair {
  readonly shard: Shard;
  readonly child: Answering;
  readonly parent: Answering;
}

/** Reasons that lie in a link that is about to be made. */
export function refuseLink({shard, child, parent}: Pair): Refusal[] {
  const [at, source] = [addressText(child.instance.address), addressText(parent.instance.address)];
  const common = {shard: shard.name, instance: at, consent: null};
  if (!canReadSnapshotOf(child.facts, parent.facts)) {
    return [
      {
        ...common,
        code: 'VERSION_TOO_OLD_FOR_MASTER',
        message:
          `${at} runs ${child.facts.server} ${child.facts.version} and cannot read the snapshots of ${source}, ` +
          `which runs ${parent.facts.server} ${parent.facts.version}: it would drop its data and never come up.`,
        remedy: `upgrade ${at} first: replicas before their master`,
      },
    ];
  }
  if (isLoopback(parent.instance.peer.host) && !isLoopback(child.instance.address.host)) {
    return [
      {
        ...common,
        code: 'LOOPBACK_PEER',
        message:
          `${at} would be told to follow ${addressText(parent.instance.peer)}: on another host that is not ${source}, ` +
          'but whatever listens there itself.',
        remedy: `declare for ${source} a \`peer:\` address that other hosts can dial`,
      },
    ];
  }
  return [];
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host);
}

/** A live master among the declared replicas may hold writes that the instance to be promoted has not seen. */
export function refuseSwap(shard: Shard, master: Instance, former: Instance): Refusal {
  const [next, now] = [addressText(master.address), addressText(former.address)];
  return {
    code: 'MASTER_SWAP',
    shard: shard.name,
    instance: now,
    message:
      `${now} is the live master of shard ${shard.name} and ${next}, declared as its master, is its replica. ` +
      'Exchanging the two without a write fence can lose writes that were acknowledged and not yet replicated.',
    consent: `--discard-data ${now}`,
    remedy: `declare ${now} as the master, or stop all writers and repeat with --discard-data ${now}`,
  };
}

/** A promotion would cut it off from a master that goes on taking writes: two masters of one history. */
export function refuseDetach(shard: Shard, {instance, facts}: Answering): Refusal {
  const [at, of] = [
    addressText(instance.address),
    facts.role.kind === 'replica' ? escapeText(addressText(facts.role)) : '',
  ];
  return {
    code: 'FOLLOWS_UNDECLARED',
    shard: shard.name,
    instance: at,
    message:
      `${at} is declared as the master of shard ${shard.name} and follows ${of}, which is alive and not declared. ` +
      'As a master it would miss all that is still written there.',
    consent: null,
    remedy: `declare ${of} as the master, or cut the link yourself: ${redisCli(instance, 'REPLICAOF NO ONE')}`,
  };
}

/** Two declared addresses, one process: `localhost` and `127.0.0.1`, or an alias. REPLICAOF itself would answer OK to that. */
export function refuseSharedProcess({topology, observation}: PlanInput): Refusal[] {
  const seen = new Map<string, string>();
  const refused: Refusal[] = [];
  for (const shard of topology.shards) {
    for (const instance of instancesOf(shard)) {
      const facts = factsOf(observation, instance);
      if (facts === null || facts.runId === '') continue;
      const at = addressText(instance.address);
      const other = seen.get(facts.runId);
      if (other === undefined) seen.set(facts.runId, at);
      else {
        refused.push({
          code: 'SAME_INSTANCE',
          shard: shard.name,
          instance: at,
          message: `${at} and ${other} are one and the same server process (run id ${escapeText(facts.runId)}).`,
          consent: null,
          remedy: `remove ${at} from the topology file, or mend the address`,
        });
      }
    }
  }
  return refused;
}

interface Wipe extends Pair {
  readonly relation: Relation;
  /** It follows that master by order already: what happened, happened to the master. */
  readonly attached?: boolean;
}

/** The instance holds keys that its new master's lineage does not have. */
export function refuseWipe(wipe: Wipe): Refusal {
  const {shard, child, parent} = wipe;
  const [at, source] = [addressText(child.instance.address), addressText(parent.instance.address)];
  const reversed = parent.facts.keys < child.facts.keys;
  return {
    code: 'WOULD_WIPE',
    shard: shard.name,
    instance: at,
    message:
      `${at} holds ${perDatabase(child.facts)}; its new master ${source} holds ${perDatabase(parent.facts)}. ` +
      `${partedHow(wipe)} Replication would delete every key of ${at}.${reversed ? emptierHint(wipe) : ''}`,
    consent: `--discard-data ${at}`,
    remedy: reversed
      ? `declare ${at} as the master, or repeat with --discard-data ${at} if its keys may go`
      : `repeat with --discard-data ${at} if its keys may go`,
  };
}

function partedHow({child, parent, relation}: Wipe): string {
  const [at, source] = [addressText(child.instance.address), addressText(parent.instance.address)];
  switch (relation.kind) {
    case 'diverged':
      return `Their histories parted: ${at} went on for ${relation.bytes} bytes that ${source} never received.`;
    case 'local':
      return `It is a replica that takes writes itself (replica-read-only no), and ${relation.keys} or more of its keys are its own.`;
    case 'same':
    case 'foreign':
      return 'They share no replication history.';
  }
}

/** A master that lost its data empties its replicas as soon as they find it again: what they hold may be all that is left. */
function emptierHint({child, parent, attached}: Wipe): string {
  const [at, source] = [addressText(child.instance.address), addressText(parent.instance.address)];
  if (attached !== true)
    return ` ${source} is the emptier side: was the reverse meant, ${source} as the replica of ${at}?`;
  const how = parent.facts.keys === 0 ? 'empty' : 'with an older snapshot';
  return ` ${source} is the emptier side: it seems to have been restarted ${how}, and ${at} may hold the only copy: was the reverse meant?`;
}

/** `12 keys (db0 10, db3 2)`, or `no keys`. */
export function perDatabase(facts: ServerFacts): string {
  if (facts.keys === 0) return 'no keys';
  const list = facts.keyspace.map(({db, keys}) => `db${db} ${keys}`).join(', ');
  return `${facts.keys} ${facts.keys === 1 ? 'key' : 'keys'} (${list})`;
}
