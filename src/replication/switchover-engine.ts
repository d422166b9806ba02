/** Pure: by the server's own FAILOVER, or by a write pause and two orders; and why. */
import {escapeText} from '../errors.js';
import type {Refusal} from '../report/replicate.js';
import {type Address, addressText} from '../topology/types.js';
import {type Node, namesOf} from './graph.js';
import type {Engine, FailoverTo} from './handover.js';
import type {SwitchInput} from './switchover-plan.js';
import {refuse} from './switchover-refuse.js';

export interface How {
  readonly engine: Engine;
  readonly reason: string | null;
  readonly failover: FailoverTo | null;
  readonly refused: readonly Refusal[];
}

/** FAILOVER wants the replica by the very text that the master lists, and the master dials that text itself. */
export function engineFor(input: SwitchInput, root: Node, node: Node | null): How {
  const pause = (reason: string | null): How => ({engine: 'pause', reason, failover: null, refused: []});
  if (input.engine === 'pause') return pause('asked for with --engine pause');
  const reason = node === null ? 'no candidate' : whyNoFailover(input, root, node);
  if (reason === null) {
    const {host, port} = listedUnderOwnName(root, node!)!;
    return {engine: 'failover', reason: null, failover: {host, port, orPause: input.engine === 'auto'}, refused: []};
  }
  if (input.engine === 'auto' || node === null) return pause(reason);
  const message = `FAILOVER cannot be used for ${addressText(node.instance.address)}: ${reason}.`;
  return {
    ...{engine: 'failover', reason: null, failover: null},
    refused: refuse(
      input.shard,
      input.shard.master,
      'FAILOVER_UNUSABLE',
      message,
      'leave --engine away, or --engine pause',
    ),
  };
}

function whyNoFailover({means, shard}: SwitchInput, root: Node, node: Node): string | null {
  const at = addressText(shard.master.address);
  const own = means.get(at);
  if (own?.knowsFailover === false) return `${at} does not know FAILOVER (renamed away, or older than 6.2)`;
  if (own?.deniedFailover === true) return `the login of rtopo may not use FAILOVER on ${at}`;
  if (listedUnderOwnName(root, node) !== null) return null;
  const entries = (root.facts?.replicas ?? []).map((entry) => escapeText(addressText(entry))).join(', ');
  return `${at} lists its replicas as ${entries === '' ? 'none' : entries}, none of which is a declared address of ${addressText(node.instance.address)}`;
}

function listedUnderOwnName(root: Node, {instance}: Node): Address | null {
  const names = namesOf(instance);
  const own = (root.facts?.replicas ?? []).filter(({host, port, state}) => {
    return (
      state === 'online' && names.some((name) => name.host.toLowerCase() === host.toLowerCase() && name.port === port)
    );
  });
  return own.length === 1 ? own[0]! : null;
}
