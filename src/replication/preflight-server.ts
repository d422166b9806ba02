/** Pure: what stands in the way on one server, whatever it is going to follow. */
import {escapeText} from '../errors.js';
import {describeHolder, LOCK_KEY} from '../journal/lock.js';
import type {ServerFacts} from '../redis/identity.js';
import {grantLine} from '../redis/permissions.js';
import type {Finding} from '../report/finding.js';
import type {Refusal} from '../report/replicate.js';
import {addressText, type Instance, type Shard, type Topology} from '../topology/types.js';
import type {ShardPlan} from './plan.js';
import type {Judgement} from './preflight.js';
import type {Reading, Trial} from './reading.js';
import {redisCli} from './redis-cli.js';
import {declaredSettings, directReplicas, FENCE_FROM, MIN_REPLICAS} from './settings.js';

export interface Server {
  readonly instance: Instance;
  readonly facts: ServerFacts;
  readonly reading: Reading;
}

export interface Judged extends Server {
  readonly shard: Shard;
  readonly shardPlan: ShardPlan;
  readonly topology: Topology;
  /** A login towards masters is going to be set. */
  readonly login: boolean;
}

/** One thing to say, before it is known whether it stops the plan. */
export interface Remark {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
}

export const refusalOf = (shard: Shard, {address}: Instance, remark: Remark): Refusal => ({
  ...{code: remark.code, shard: shard.name, instance: addressText(address), message: remark.message},
  ...{consent: null, remedy: remark.remedy},
});

export const warningOf = (shard: Shard, {address}: Instance, remark: Remark): Finding => ({
  ...{code: remark.code, severity: 'warning', shard: shard.name, instance: addressText(address)},
  ...{message: remark.message, remedy: remark.remedy},
});

export function judgeServer(judged: Judged): Judgement {
  const {shard, instance} = judged;
  const refused = [
    ...managed(judged),
    ...locked(judged),
    ...permissions(judged),
    ...unreadable(judged),
    ...fenced(judged),
    ...unsatisfiable(judged),
  ];
  const warnings = [...rewriteDenied(judged), ...unpersistable(judged), ...clientsCut(judged), ...tooFewNow(judged)];
  return {
    refused: refused.map((remark) => refusalOf(shard, instance, remark)),
    warnings: warnings.map((remark) => warningOf(shard, instance, remark)),
  };
}

/** Neither order nor configuration: the mark of a service that runs replication itself. */
function managed({instance, reading, shardPlan}: Judged): Remark[] {
  const at = addressText(instance.address);
  const isMissing = (name: string): boolean => reading.missing?.has(name) === true;
  if (isMissing('config') && isMissing('replicaof') && isMissing('slaveof')) {
    return [
      {
        code: 'MANAGED_SERVICE',
        message: `${at} is managed: CONFIG, REPLICAOF and SLAVEOF are disabled there.`,
        remedy: "use the provider's tools for its replication",
      },
    ];
  }
  const needsConfig = shardPlan.steps.some((step) => step.instance === instance && step.do.startsWith('set-'));
  if (!isMissing('config') || !needsConfig) return [];
  return [
    {
      code: 'CONFIG_DISABLED',
      message: `${at} knows no CONFIG: what the topology file declares for it (login, priority, replicas needed) cannot be set.`,
      remedy: 'write it into the configuration file of that server, or give the command back its name',
    },
  ];
}

function locked({instance, reading}: Judged): Remark[] {
  const {lock} = reading;
  if (lock === null) return [];
  return [
    {
      code: 'LOCKED',
      message: `${addressText(instance.address)} is locked by ${describeHolder(lock, reading.atMs)}: its role must not change under that.`,
      remedy: 'wait for it to end; when its process is dead, its lock ends by itself within 60 s',
    },
  ];
}

const isRewrite = ([command, verb]: Trial): boolean => command === 'CONFIG' && verb === 'REWRITE';

function permissions({instance, reading: {denied, user}}: Judged): Remark[] {
  const needed = denied.filter((trial) => !isRewrite(trial));
  return needed.length === 0 ? [] : [noPermission(instance, user, needed)];
}

function rewriteDenied({instance, reading: {denied, user}}: Judged): Remark[] {
  const rewrite = denied.filter(isRewrite);
  if (rewrite.length === 0) return [];
  const {message, remedy} = noPermission(instance, user, rewrite);
  return [{code: 'NOT_PERSISTABLE', message: `${message} A restart will bring the old role back.`, remedy}];
}

function noPermission({address}: Instance, user: string | null, trials: readonly Trial[]): Remark {
  const at = addressText(address);
  const names = [...new Set(trials.map(commandOf))];
  const who = escapeText(user ?? 'default');
  return {
    code: 'NO_PERMISSION',
    message: `On ${at} the user ${who} may not run ${names.map((name) => name.replace('|', ' ').toUpperCase()).join(', ')}.`,
    remedy: `on ${at}: ${grantLine(who, names)}${trials.some(isLocking) ? ` ~${LOCK_KEY}` : ''}`,
  };
}

const isLocking = (trial: Trial): boolean => trial.includes(LOCK_KEY);

/** `config|set`, `replicaof`: as ACL rules name them. */
function commandOf([command, verb]: Trial): string {
  return command === 'CONFIG' ? `config|${String(verb).toLowerCase()}` : command.toLowerCase();
}

/** Declared, and nobody can say whether it is so. */
function unreadable({shard, instance, reading}: Judged): Remark[] {
  const declared = declaredSettings(shard, instance);
  const blind = declared.filter(({name}) => reading.config?.get(name) === undefined);
  if (blind.length === 0 || reading.missing?.has('config') === true) return [];
  const at = addressText(instance.address);
  return [
    {
      code: 'CONFIG_UNREADABLE',
      message: `${blind.map(({name}) => name).join(', ')} of ${at} is declared and cannot be read there.`,
      remedy: `on ${at}: ${grantLine(escapeText(reading.user ?? 'default'), ['config|get', 'config|set'])}`,
    },
  ];
}

/** To lower it would let the writers in again that somebody keeps out. */
function fenced({shard, instance, reading}: Judged): Remark[] {
  const live = Number(reading.config?.get(MIN_REPLICAS) ?? 0);
  if (instance !== shard.master || live < FENCE_FROM) return [];
  const at = addressText(instance.address);
  return [
    {
      code: 'WRITES_FENCED',
      message: `Writers are held off ${at}: ${MIN_REPLICAS} is ${live} there, more than any shard has replicas.`,
      remedy: `let whoever raised it finish, or lift it: ${redisCli(instance, `CONFIG SET ${MIN_REPLICAS} 0`)}`,
    },
  ];
}

/** The master would never take a write again. */
function unsatisfiable({shard, instance}: Judged): Remark[] {
  const [needed, direct] = [shard.minReplicas?.toWrite ?? 0, directReplicas(shard).length];
  if (instance !== shard.master || needed <= direct) return [];
  return [
    {
      code: 'MIN_REPLICAS_UNSATISFIABLE',
      message: `Shard ${shard.name} declares minReplicas.toWrite ${needed}, and ${direct} replicas of its master: it would take no writes.`,
      remedy: `declare at most ${direct}, or more replicas`,
    },
  ];
}

/** What the server has by itself, where the file says nothing of it. */
function tooFewNow({shard, instance, reading}: Judged): Remark[] {
  const [live, direct] = [Number(reading.config?.get(MIN_REPLICAS) ?? 0), directReplicas(shard).length];
  if (instance !== shard.master || shard.minReplicas !== undefined || live <= direct || live >= FENCE_FROM) return [];
  const at = addressText(instance.address);
  return [
    {
      code: 'MIN_REPLICAS_UNSATISFIABLE',
      message: `${at} takes writes only with ${live} replicas (${MIN_REPLICAS}), and the topology file declares ${direct}.`,
      remedy: `declare \`minReplicas: {toWrite: ${direct}}\` for shard ${shard.name}, and run rtopo replicate`,
    },
  ];
}

function unpersistable({instance, facts, shardPlan}: Judged): Remark[] {
  if (facts.configFile || !shardPlan.steps.some((step) => step.instance === instance)) return [];
  const at = addressText(instance.address);
  return [
    {
      code: 'NOT_PERSISTABLE',
      message: `${at} was started without a config file: a restart will bring the old role back.`,
      remedy: 'start it from a redis.conf that it may write, in a directory that it may write',
    },
  ];
}

/** Blocked clients are dropped, the others get READONLY: they are to be pointed at the new master. */
function clientsCut({instance, facts, reading, shardPlan}: Judged): Remark[] {
  const demoted = shardPlan.steps.some((step) => step.do === 'replicate-from' && step.instance === instance);
  const count = reading.clients ?? 0;
  if (!demoted || facts.role.kind !== 'master' || count === 0) return [];
  const at = addressText(instance.address);
  return [
    {
      code: 'CLIENTS_CONNECTED',
      message: `${count} ${count === 1 ? 'client is' : 'clients are'} connected to ${at}, which becomes a replica: their writes will be refused (READONLY).`,
      remedy: `who are they? ${redisCli(instance, 'CLIENT LIST TYPE normal')}`,
    },
  ];
}
