/** Codes of `rtopo replicate`: why it does not do something, or could not. One entry for each new one. */
import type {Codes} from './code.js';

export const replicate: Codes = {
  WOULD_WIPE: {
    severity: 'refused',
    title: 'Replication would delete data that exist nowhere else.',
    means: 'The instance holds keys that are not in the history of its new master; a replica drops all it has.',
    why: 'It was a master, or is meant to be one: the message says if the reverse may be meant.',
    fix: 'Declare it as the master, or repeat with --discard-data ADDRESS.',
    verify: 'rtopo replicate --dry-run shows the step with the keys that it discards.',
  },
  MASTER_SWAP: {
    severity: 'refused',
    title: 'Master and replica would change places without a fence.',
    means: 'Writes that the live master acknowledged, and its replica has not received, would be lost.',
    why: 'The topology file names another master than the live one.',
    fix: 'Use rtopo switchover, declare the live master, or stop all writers and repeat with the consent that is named.',
    verify: 'rtopo status no longer names it.',
  },
  FOLLOWS_UNDECLARED: {
    severity: 'refused',
    title: 'A promotion would cut off a live, undeclared master.',
    means: 'The declared master follows a server outside of the topology that is alive and may take writes.',
    why: 'A migration that is under way, or a topology file that is out of date.',
    fix: 'Declare that server as the master, or cut the link by hand.',
    verify: 'rtopo status no longer names it.',
  },
  REPLICATION_LOGIN: {
    severity: 'refused',
    title: 'Replicas could not log in to their master.',
    means: 'The login they would use was tried, and is wrong, missing, or may not replicate.',
    why: '`replicationAuth:` is not declared, has another password, or its user lacks +psync +replconf +ping.',
    fix: 'Mend the login, or the ACL of its user; the message says which.',
    verify: 'rtopo replicate --dry-run does not refuse.',
  },
  PLAN_STALE: {
    severity: 'refused',
    title: 'A fact that the plan rests on has changed.',
    means:
      'Between planning and doing a server was restarted, changed its role, or received keys. The message names it.',
    why: 'Somebody else is at work, or a server is unstable.',
    fix: 'Plan again from what is there now.',
    verify: 'The new plan is carried out.',
  },
  CONSENT_UNKNOWN: {
    severity: 'failed',
    title: 'A consent names no declared instance.',
    means: '--discard-data must be the address of an instance, exactly as it is declared.',
    why: 'A typing error; with those one does not discard data.',
    fix: 'Name one of the declared addresses.',
    verify: 'The command goes on.',
  },
  LINK_NOT_UP: {
    severity: 'failed',
    title: 'A link did not come up in time.',
    means: 'The server was told whom to follow, and the limit was over before both ends agreed.',
    why: 'A large snapshot, a slow network, or a cause that rtopo status names.',
    fix: 'rtopo status says how far it is; rtopo replicate goes on from there, --timeout waits longer.',
    verify: 'rtopo status shows the link as up.',
  },
  REPLICATE_UNFINISHED: {
    severity: 'warning',
    title: 'A run of rtopo replicate did not come to its end.',
    means:
      'Its journal has no last record. What it had ordered is named, and the servers whose config file may not have it.',
    why: 'The process was killed, the machine went down, or an answer was lost. Or it is still at work: then it says so.',
    fix: 'Give the command again that is named: it does what is left, and writes down what may not be written down.',
    verify: 'rtopo status no longer names it.',
  },
  NOT_LOCKED: {
    severity: 'warning',
    title: 'A master could hold no lock, for it takes no writes.',
    means:
      'The run went on all the same, since this may be what it is to mend. Another rtopo on another machine was not kept off.',
    why: 'min-replicas-to-write is not met, the disk or the memory of the master is full, or EVAL is renamed there.',
    fix: 'Nothing, when the run did its work and nobody else was at it.',
    verify: 'The next run does not say it.',
  },
  PROMOTION_FAILED: {
    severity: 'failed',
    title: 'A server that was promoted is still a replica.',
    means: 'It answered OK to REPLICAOF NO ONE, and ROLE says slave.',
    why: 'A Sentinel, an operator or a script gave it another order at the same moment.',
    fix: 'Find out who else gives it orders: CLIENT LIST, and the log of the server.',
    verify: 'rtopo status no longer names it.',
  },
};
