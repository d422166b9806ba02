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

interface Subject {
  readonly shard: Shard;
  readonly instance: Instance;
  readonly facts: ServerFacts;
}

/** Reasons that lie in one instance alone. */
export function refuseInstance({shard, instance, facts}: Subject): Refusal[] {
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
      `wait for it to end, or end it: redis-cli -h ${instance.address.host} -p ${instance.address.port} FAILOVER ABORT`,
    );
  }
  if (facts.tampered.length > 0) {
    return refuse(
      'INFO_TAMPERED',
      `INFO of ${at} contains ${facts.tampered.join(', ')} more than once: somebody injected lines into it, so its numbers cannot be trusted.`,
      `look at its master_host: redis-cli -h ${instance.address.host} -p ${instance.address.port} ROLE`,
    );
  }
  return [];
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

interface Wipe {
  readonly shard: Shard;
  readonly instance: Instance;
  readonly parent: Instance;
  readonly child: ServerFacts;
  readonly parentFacts: ServerFacts;
  readonly relation: Relation;
}

/** The instance holds keys that its new master's lineage does not have. */
export function refuseWipe({shard, instance, parent, child, parentFacts, relation}: Wipe): Refusal {
  const [at, source] = [addressText(instance.address), addressText(parent.address)];
  const reversed = parentFacts.keys < child.keys;
  const why =
    relation.kind === 'diverged'
      ? `Their histories parted: ${at} went on for ${relation.bytes} bytes that ${source} never received.`
      : 'They share no replication history.';
  const hint = reversed
    ? ` ${source} is the emptier side: was the reverse meant, ${source} as the replica of ${at}?`
    : '';
  return {
    code: 'WOULD_WIPE',
    shard: shard.name,
    instance: at,
    message:
      `${at} holds ${perDatabase(child)}; its new master ${source} holds ${perDatabase(parentFacts)}. ` +
      `${why} REPLICAOF would delete every key of ${at}.${hint}`,
    consent: `--discard-data ${at}`,
    remedy: reversed
      ? `make ${at} the master of shard ${shard.name} in the topology file, or repeat with --discard-data ${at}`
      : `repeat with --discard-data ${at} if its keys may go`,
  };
}

/** `12 keys (db0 10, db3 2)`, or `no keys`. */
export function perDatabase(facts: ServerFacts): string {
  if (facts.keys === 0) return 'no keys';
  const list = facts.keyspace.map(({db, keys}) => `db${db} ${keys}`).join(', ');
  return `${facts.keys} ${facts.keys === 1 ? 'key' : 'keys'} (${list})`;
}
