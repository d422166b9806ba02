/** Pure: reasons not to replace a master by this server, and what an operator should know before. */
import {escapeText} from '../errors.js';
import type {ServerFacts} from '../redis/identity.js';
import {whyNotFree} from '../replication/judge-free.js';
import {factsOf, type Observation} from '../replication/observe.js';
import {refuseInstance, refuseLink} from '../replication/refuse.js';
import {type Pair, standOf} from '../replication/stand.js';
import {whyNoWritePause} from '../replication/versions.js';
import type {Refusal} from '../report/replicate.js';
import {type Address, addressText, allInstances, dialFlags, isSocket, type Topology} from '../topology/types.js';
import type {Objection} from './preflight.js';
import type {Consents} from './records.js';
import {warningsOf} from './replace-warnings.js';
import type {Replacement} from './replacement.js';

/** What INFO does not say of a server. */
export interface Means {
  readonly databases: number | null;
  readonly savesSnapshots: boolean | null;
  readonly modules: readonly string[];
}

export interface Judging {
  readonly replacement: Replacement;
  readonly facts: Pair<ServerFacts>;
  readonly means: Pair<Means>;
  /** Every server of the change. */
  readonly both: Topology;
  readonly observation: Observation;
  readonly consents: Consents;
}

export interface Judgement {
  readonly objections: readonly Objection[];
  readonly warnings: readonly string[];
}

/** A refusal of the replication wing as an objection of this one. */
export function refusalObjection({code, instance, message, consent, remedy}: Refusal): Objection {
  return {code, at: instance, message, consent, remedy};
}

export function judgeReplacement(judging: Judging): Judgement {
  const {replacement, facts, both} = judging;
  // Another name of the same server: there is nothing to replace but the name in the file.
  if (facts.old.runId === facts.next.runId) return {objections: [], warnings: []};
  const shard = both.shards.find(({name}) => name === replacement.shard)!;
  const [old, next] = [
    {instance: replacement.old, facts: facts.old},
    {instance: replacement.next, facts: facts.next},
  ];
  const refused = [...refuseInstance(shard, old), ...refuseInstance(shard, next)];
  if (refused.length > 0) return {objections: refused.map(refusalObjection), warnings: []};
  const twin = judgeTwin(judging);
  if (twin.length > 0) return {objections: twin, warnings: []};
  return {
    objections: [
      ...judgePeers(judging),
      ...judgeRoles(judging),
      ...judgePause(judging),
      ...refuseLink({shard, child: next, parent: old}).map(refusalObjection),
      ...judgeSize(judging),
      ...judgeMeans(judging),
      ...judgeVolatile(judging),
    ],
    warnings: warningsOf(judging, shard),
  };
}

function object(code: string, at: string, message: string, remedy: string, consent: string | null = null): Objection[] {
  return [{code, at, message, consent, remedy}];
}

export const names = ({old, next}: Replacement): Pair<string> => ({
  old: addressText(old.address),
  next: addressText(next.address),
});

const cli = ({address}: {readonly address: Address}): string => `redis-cli ${dialFlags(address)}`;

/** The old one must lead and the new one be free to follow, unless they are on their way or there already. */
function judgeRoles({replacement, facts}: Judging): Objection[] {
  const at = names(replacement);
  const loading = (['old', 'next'] as const).filter((side) => facts[side].loading && !facts[side].syncInProgress);
  if (loading.length > 0) {
    const who = at[loading[0]!];
    return object('LOADING', who, `${who} is still loading its data set.`, 'wait, then run the command again');
  }
  const stand = standOf(replacement, facts);
  if (stand === 'old-leads' || stand === 'nobody-leads' || stand === 'next-leads') return [];
  if (facts.old.role.kind !== 'master') {
    const message = `${at.old}, the master of shard ${replacement.shard} by the topology file, is not a master now.`;
    return object('NOT_A_MASTER', at.old, message, 'rtopo status');
  }
  const notFree = whyNotFree(facts.next, facts.old);
  if (notFree === null) return [];
  return object(
    notFree.code,
    at.next,
    `${at.next} is to be filled from ${at.old} and ${notFree.why}: it would lose that.`,
    `name an empty server, or empty this one when its keys may go (look first: ${cli(replacement.next)} --scan)`,
  );
}

/** They have to dial one another. */
function judgePeers({replacement}: Judging): Objection[] {
  const hidden = [replacement.old, replacement.next].find(({peer}) => isSocket(peer));
  if (hidden === undefined) return [];
  const at = addressText(hidden.address);
  const message = `${at} is a Unix socket: the server that it shall be linked with cannot dial that.`;
  return object(
    'PEER_NEEDED',
    at,
    message,
    `say in the topology file where it is found: {address: "${at}", peer: "10.0.0.1:6379"}`,
  );
}

function judgePause({replacement, facts}: Judging): Objection[] {
  const {old} = names(replacement);
  const message = whyNoWritePause(old, facts.old);
  return message === null ? [] : object('VERSION_TOO_OLD', old, message, 'upgrade the server');
}

/** One process under two declared names would be told to follow itself. */
function judgeTwin({replacement, facts, both, observation}: Judging): Objection[] {
  const own = names(replacement);
  const twin = allInstances(both).find(({instance}) => {
    const at = addressText(instance.address);
    return at !== own.next && at !== own.old && factsOf(observation, instance)?.runId === facts.next.runId;
  });
  if (twin === undefined) return [];
  const other = addressText(twin.instance.address);
  const message = `${own.next} and ${other} (shard ${twin.shard.name}) are the same server under two addresses.`;
  return object(
    'SAME_SERVER',
    own.next,
    message,
    `which one is it? ${cli(replacement.next)} INFO server shows the run_id`,
  );
}

function judgeSize({replacement, facts: {old, next}}: Judging): Objection[] {
  const at = names(replacement);
  const [used, max] = [old.usedMemoryBytes ?? 0, next.maxMemoryBytes ?? 0];
  if (max === 0 || used <= max) return [];
  const effect = next.evictionPolicy === 'noeviction' ? 'it would refuse writes' : 'it would silently evict keys';
  const message = `${at.old} uses ${used} bytes, and ${at.next}, which is to be filled from it, has maxmemory ${max}: once it leads ${effect}.`;
  return object(
    'TARGET_TOO_SMALL',
    at.next,
    message,
    `${cli(replacement.next)} CONFIG SET maxmemory ${Math.ceil(used * 1.25)}`,
  );
}

/** A replica that meets a database or a type that it does not know ends its process in the middle of loading. */
function judgeMeans({replacement, facts, means}: Judging): Objection[] {
  const at = names(replacement);
  const used = Math.max(0, ...facts.old.keyspace.map(({db}) => db + 1), means.old.databases ?? 0);
  const missing = means.old.modules.filter((name) => !means.next.modules.includes(name));
  return [
    ...(means.next.databases === null || means.next.databases >= used
      ? []
      : object(
          'NO_DATABASE',
          at.next,
          `${at.next} has ${means.next.databases} databases and ${at.old} has ${used}.`,
          `start ${at.next} with databases ${used}`,
        )),
    ...(missing.length === 0
      ? []
      : object(
          'MODULES_MISSING',
          at.next,
          `${at.next} lacks modules that ${at.old} has loaded: ${escapeText(missing.join(', '))}. It could not read their keys.`,
          `load them on ${at.next}`,
        )),
  ];
}

export function isVolatile({aofEnabled}: ServerFacts, {savesSnapshots}: Means): boolean {
  return !aofEnabled && savesSnapshots === false;
}

/** A master without a file comes back empty from a restart, and empties its replicas, the old master among them. */
function judgeVolatile({replacement, facts, means, consents}: Judging): Objection[] {
  const at = names(replacement);
  if (!isVolatile(facts.next, means.next) || isVolatile(facts.old, means.old)) return [];
  if (consents.acceptVolatile.includes(at.next)) return [];
  return object(
    'VOLATILE_TARGET',
    at.next,
    `${at.next} keeps its data in memory only, unlike ${at.old}, from which it is filled: a restart of it would lose them, and empty its replicas too.`,
    `${cli(replacement.next)} CONFIG SET appendonly yes, or accept it with --accept-volatile ${at.next}`,
    `--accept-volatile ${at.next}`,
  );
}
