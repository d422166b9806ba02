/** Pure: the role that a server has, against the one that is declared for it. */
import {escapeText} from '../errors.js';
import type {Observed} from '../redis/fleet.js';
import type {Finding} from '../report/finding.js';
import {type Address, addressText, allInstances, type Topology} from '../topology/types.js';
import {liveParent, namesOf, parentOf} from './graph.js';
import {factsOf, type Observation} from './observe.js';
import {isChangedRole, isUnwritten} from './persistence.js';
import {redisCli} from './redis-cli.js';
import {type Answered, liveParentText, problem, warning} from './subject.js';

export interface Declared {
  readonly topology: Topology;
  readonly observation: Observation;
}

export function judgeRole(subject: Answered, declared: Declared): Finding[] {
  const observed = declared.observation.byAddress.get(addressText(subject.node.instance.address));
  return [
    ...judgeDeclared(subject),
    ...judgeUndeclaredParent(subject, declared),
    ...judgePersistence(subject, observed),
  ];
}

function judgeDeclared(subject: Answered): Finding[] {
  const {shard, node, facts} = subject;
  const at = addressText(node.instance.address);
  const finding = (code: string, message: string): Finding[] => [
    problem(subject, code, message, 'rtopo replicate --dry-run'),
  ];
  const of = liveParentText(subject);
  if (node.instance === shard.master) {
    if (of === null) return [];
    const declared = `${at} is declared as the master of shard ${shard.name}`;
    return finding('ROLE_MISMATCH', `${declared} and is a replica of ${escapeText(of)}.`);
  }
  const expected = addressText(parentOf(shard, node.instance).address);
  if (facts.role.kind === 'master') {
    const declared = `${at} is declared as a replica of ${expected}`;
    return finding('ROLE_MISMATCH', `${declared} and is a master: it receives none of its writes.`);
  }
  if (of === null || of === expected) return [];
  return finding('PARENT_MISMATCH', `${at} follows ${escapeText(of)}; declared is ${expected}.`);
}

/** Whoever can give REPLICAOF can replace all data of a server, or read it; an address that nobody declared is a stray script at best. */
function judgeUndeclaredParent(subject: Answered, declared: Declared): Finding[] {
  const {node, nodes, facts} = subject;
  const {role} = facts;
  if (role.kind !== 'replica' || liveParent(node, nodes) !== null || isKnown(role, declared)) return [];
  // By one history it is a declared server under a name that only its replica knows.
  const others = allInstances(declared.topology).filter(({instance}) => instance !== node.instance);
  const shares = others.some(
    ({instance}) => factsOf(declared.observation, instance)?.lineage.replid === facts.lineage.replid,
  );
  if (facts.linkUp === true && shares) return [];
  const at = addressText(node.instance.address);
  const of = escapeText(addressText(role));
  const data =
    facts.linkUp === true ? 'Its data are now those of that server' : 'Its data are its own until that link comes up';
  const isMaster = node.instance === subject.shard.master;
  return [
    problem(
      subject,
      'UNDECLARED_PARENT',
      `${at} was told to follow ${of}, which is declared nowhere in this topology: a stray script, or an intruder. ${data}.`,
      isMaster ? redisCli(node.instance, 'REPLICAOF NO ONE') : 'rtopo replicate --dry-run',
    ),
  ];
}

function isKnown({host, port}: Address, {topology, observation}: Declared): boolean {
  return allInstances(topology).some(({instance}) => {
    const observed = observation.byAddress.get(addressText(instance.address));
    const ip = observed?.reachable && observed.ip !== null ? [{host: observed.ip, port: instance.address.port}] : [];
    return [...namesOf(instance), ...ip].some(
      (name) => name.port === port && name.host.toLowerCase() === host.toLowerCase(),
    );
  });
}

/** Its role was changed while it ran, and its config file, if it has one, was not written since: a restart takes the role back. */
function judgePersistence(subject: Answered, observed: Observed | undefined): Finding[] {
  const {node, facts} = subject;
  const orders = observed?.reachable ? (observed.orders ?? null) : null;
  if (!isChangedRole(facts, orders)) return [];
  const at = addressText(node.instance.address);
  const role = facts.role.kind === 'replica' ? `a replica of ${escapeText(liveParentText(subject)!)}` : 'a master';
  if (!facts.configFile) {
    return [
      warning(
        subject,
        'ROLE_NOT_PERSISTED',
        `${at} became ${role} while it ran, and was started without a config file: a restart takes that back.`,
        `start it with a config file, or with the role on its command line; then: rtopo replicate`,
      ),
    ];
  }
  if (!isUnwritten(facts, orders)) return [];
  return [
    warning(
      subject,
      'ROLE_NOT_PERSISTED',
      `${at} became ${role} while it ran, and its config file has not been written since: a restart takes that back.`,
      redisCli(node.instance, 'CONFIG REWRITE'),
    ),
  ];
}
