/** Pure: what can go wrong while the mastership passes on. Each sentence says who leads now, for that is what an operator must know first. */
import {ExitCode, RtopoError, refusal} from '../errors.js';
import {addressText} from '../topology/types.js';
import {redisCli} from './redis-cli.js';
import type {Handover} from './stand.js';

function trouble(code: string, message: string, remedy: string): RtopoError {
  return new RtopoError({code, exit: ExitCode.incomplete, message, remedy});
}

const names = ({old, next}: Handover): {old: string; next: string} => ({
  old: addressText(old.address),
  next: addressText(next.address),
});

const bothRoles = ({old, next}: Handover): string => `${redisCli(old, 'ROLE')}; ${redisCli(next, 'ROLE')}`;

export function late(handover: Handover, why: string): RtopoError {
  const {old, next} = names(handover);
  return trouble(
    'HANDOVER_LATE',
    `${next} was not ready to take over from ${old}: ${why}. Writes go on at ${old}, which leads as before.`,
    'try again when less is written',
  );
}

export function oldChanged(handover: Handover): RtopoError {
  const {old} = names(handover);
  return trouble(
    'SERVER_RESTARTED',
    `${old} was restarted, or changed its role, just before it was to hand over.`,
    bothRoles(handover),
  );
}

export function nextGone(handover: Handover, isOldLeading: boolean): RtopoError {
  const {old, next} = names(handover);
  return trouble(
    'NEXT_UNREACHABLE',
    isOldLeading
      ? `${next} does not answer. ${old} leads as before.`
      : `${next} does not answer, and ${old} was told to follow it: neither may be taking writes, and no data is lost.`,
    isOldLeading
      ? `start ${next}`
      : `start ${next}; only when it is certain that it never comes back: ${redisCli(handover.old, 'REPLICAOF NO ONE')}`,
  );
}

/** The order to demote it went out and no answer came. */
export function oldSilent(handover: Handover): RtopoError {
  const {old, next} = names(handover);
  return trouble(
    'OLD_UNREACHABLE',
    `${old} was told to follow ${next} and has not answered since. ${next} was not promoted: if ${old} still takes writes, there would be two masters.`,
    `bring ${old} back`,
  );
}

export function incompleteCopy(handover: Handover, offset: number): RtopoError {
  const {old, next} = names(handover);
  return trouble(
    'HANDOVER_UNDONE',
    `${next} never received the last bytes that ${old} had acknowledged (up to offset ${offset}). ${old} leads again, and nothing is lost.`,
    `look at the link: ${redisCli(handover.next, 'INFO replication')}`,
  );
}

export function unclear(handover: Handover): RtopoError {
  const {old, next} = names(handover);
  return trouble(
    'HANDOVER_UNCLEAR',
    `${old} and ${next} follow each other, and their histories do not tell which of them has more. rtopo does not guess.`,
    `compare what they hold, then promote the right one with REPLICAOF NO ONE: ${redisCli(handover.old, 'INFO keyspace')}; ${redisCli(handover.next, 'INFO keyspace')}`,
  );
}

export function notPromoted(handover: Handover): RtopoError {
  const {next} = names(handover);
  return trouble(
    'PROMOTION_FAILED',
    `${next} answered OK to REPLICAOF NO ONE and is still a replica.`,
    bothRoles(handover),
  );
}

export function promotionUnknown(handover: Handover): RtopoError {
  const {old, next} = names(handover);
  return trouble(
    'PROMOTION_UNKNOWN',
    `${next} was told to lead and does not answer. ${old} follows it and takes no writes; taking that back could make two masters.`,
    `bring ${next} back`,
  );
}

export function noMaster(handover: Handover): RtopoError {
  const {old, next} = names(handover);
  return trouble(
    'NO_MASTER',
    `${old} was told to follow ${next}, which could not be promoted, and cannot be told to lead again. Neither takes writes; no data is lost.`,
    bothRoles(handover),
  );
}

export function notProved(handover: Handover, fenced: number, promoted: number): RtopoError {
  const {old, next} = names(handover);
  return trouble(
    'HANDOVER_NOT_PROVED',
    `${next} leads from offset ${promoted}, and ${old} had acknowledged up to ${fenced}: ${fenced - promoted} bytes are missing. They may still be on ${old}.`,
    `keep ${old} as it is, and compare: ${redisCli(handover.old, 'INFO replication')}`,
  );
}

export function notAttached(handover: Handover): RtopoError {
  const {old, next} = names(handover);
  return trouble(
    'NOT_ATTACHED',
    `${next} does not follow ${old}, so there is nothing that it could take over.`,
    bothRoles(handover),
  );
}

/** It went away, or was restarted, before it was demoted. */
export function oldGone(handover: Handover): RtopoError {
  const {old, next} = names(handover);
  return trouble(
    'OLD_UNREACHABLE',
    `${old} went away, or was restarted, before it could hand over. ${next} was not promoted.`,
    `bring ${old} back`,
  );
}

export function oldLost(handover: Handover): RtopoError {
  const {old, next} = names(handover);
  return trouble(
    'OLD_UNREACHABLE',
    `${old} is gone, or leads by itself, after its writes had been held off for ${next}. Whether it acknowledged more since cannot be told without it.`,
    `bring ${old} back; if it never comes back, what ${next} has is what there is: ${redisCli(handover.next, 'REPLICAOF NO ONE')}`,
  );
}

/** Undone at the old master, and the new one was promoted already. What it was told since, nobody else has. */
export function bothLead(handover: Handover): RtopoError {
  const {old, next} = names(handover);
  return trouble(
    'TWO_MASTERS',
    `The change is ended and ${old} leads, for it came back as a master by itself; but ${next} had been promoted before, and leads too. What clients write to ${next} is not on ${old}.`,
    `keep clients away from ${next}; rtopo replicate attaches it again, and says first what it would lose`,
  );
}

/** FAILOVER began, and the server gave it up. */
export function failoverUndone(handover: Handover): RtopoError {
  const {old, next} = names(handover);
  return trouble(
    'FAILOVER_UNDONE',
    `${old} began its FAILOVER to ${next} and gave it up by itself. ${old} leads as before, and nothing is lost. ` +
      `Most often it could not log in to ${next} (masterauth), or not reach it under the address that ${next} announces.`,
    `look at the log of ${old}, or go without it: --engine pause`,
  );
}

/** This process slept, between the demotion and the promotion, for so long that somebody else may have gone on with it. */
export function stalled(handover: Handover): RtopoError {
  const {old, next} = names(handover);
  return trouble(
    'HANDOVER_STALLED',
    `${old} was told to follow ${next}, and then this process stood still, or another one went on with it. It gives no more orders. No data is lost.`,
    bothRoles(handover),
  );
}

export function failoverRefused(handover: Handover): RtopoError {
  const {old, next} = names(handover);
  return trouble(
    'FAILOVER_REFUSED',
    `${old} refused FAILOVER to ${next}: it is renamed away or not permitted, or ${old} lists ${next} under another address. ${old} leads as before.`,
    'go without it: --engine pause',
  );
}

/** The new master hangs, and may obey when it wakes up: ending the failover now could make two masters. */
export function failoverStuck(handover: Handover): RtopoError {
  const {old, next} = names(handover);
  return trouble(
    'FAILOVER_STUCK',
    `${old} has asked ${next} to take over, and ${next} does not answer. ${old} takes no writes; no data is lost. ` +
      `When ${next} wakes up it takes over. FAILOVER ABORT now could make two masters: ${next} may still obey.`,
    `wake ${next} up, or end its process for certain (kill -9)`,
  );
}

export function twoMasters(handover: Handover, ownBytes: number | null): RtopoError {
  const {old, next} = names(handover);
  const own = ownBytes === null ? 'an unknown number of bytes' : `${ownBytes} bytes`;
  return trouble(
    'TWO_MASTERS',
    `${next} was promoted, and ${old} leads too: it has written ${own} of its own since. Clients must write to one of them only.`,
    `keep ${next}: rtopo replicate --discard-data ${old}, once it is the declared master (look first: ${redisCli(handover.old, 'INFO keyspace')})`,
  );
}

export function alreadyHanded(handover: Handover): RtopoError {
  const {old, next} = names(handover);
  return refusal({
    code: 'ALREADY_HANDED_OVER',
    message: `${next} leads already and clients may have written to it; ${old} follows it. It cannot be undone, only finished.`,
    remedy: 'finish it; then change back, with the same proof',
  });
}
