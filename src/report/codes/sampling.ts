/** Codes of limits that were named, of waits, and of discoveries. */
import type {Codes} from './code.js';

export const sampling: Codes = {
  LAG_ABOVE_LIMIT: {
    severity: 'critical',
    title: 'A replica lacks more bytes than --max-lag allows.',
    means:
      'Its master has written so many bytes that it has not applied; or nobody can say how many, which counts as more.',
    why: 'A slow network, a replica that is busy or swapping, a burst of writes, or a link that is not up at all.',
    fix: 'rtopo status --watch shows whether it catches up. If not, look at the link and the load of the replica.',
    verify: 'rtopo status --max-lag with the same limit ends with 0.',
  },
  LAG_SECONDS_ABOVE_LIMIT: {
    severity: 'critical',
    title: 'A replica is further behind than --max-lag-seconds allows.',
    means:
      'The bytes that it lacks, divided by the rate at which its master writes, are more than the limit; or unknown.',
    why: 'As with LAG_ABOVE_LIMIT; a slow writer makes few bytes many seconds.',
    fix: 'rtopo status --watch shows whether it catches up. If not, look at the link and the load of the replica.',
    verify: 'rtopo status --max-lag-seconds with the same limit ends with 0.',
  },
  ACK_ABOVE_LIMIT: {
    severity: 'critical',
    title: 'A replica has not acknowledged for longer than --max-ack.',
    means:
      'Replicas acknowledge once a second. Its master has heard nothing for longer than the limit, or does not say.',
    why: 'The replica is blocked by a slow command, stopped, swapping, or cut off without its end of the link having noticed.',
    fix: 'Look at the log of the replica and at SLOWLOG GET there.',
    verify: 'rtopo status --max-ack with the same limit ends with 0.',
  },
  NOT_REACHED: {
    severity: 'failed',
    title: 'What --wait-for waited for did not come in time.',
    means:
      'When --timeout was over something was still missing. The message names it; the exit code says of which kind.',
    why: 'Exit 4: somebody is late. Exit 2: something is wrong that time does not mend. Exit 5: somebody does not answer.',
    fix: 'After exit 4 wait again, with a longer --timeout. Else rtopo status names the cause and the command that mends it.',
    verify: 'The same command ends with 0.',
  },
  MASTER_NOT_FOUND: {
    severity: 'warning',
    title: 'A replica was discovered whose master was not asked.',
    means: 'It has no place in the topology that rtopo discover prints: a shard begins with its master.',
    why: 'Its master was neither named nor confirmed by --follow, or does not answer.',
    fix: 'Name the master too, or confirm its address with --follow.',
    verify: 'rtopo discover prints the replica below its master.',
  },
  NOT_A_SERVER: {
    severity: 'warning',
    title: 'What was discovered is no server that replicates.',
    means: 'ROLE answers with something that is neither a master nor a replica.',
    why: 'Most often it is a Sentinel, which listens on a port of its own.',
    fix: 'Name the servers that it watches, not the Sentinel.',
    verify: 'rtopo discover no longer names it.',
  },
};
