/** Streams that only the commands of the servers can make: all under the name `k`. */
import type {Arg} from '../rig/raw.js';

/** Pending entries that were deleted or cut off, groups at every position, counters that do not follow from the entries. */
export const streams: readonly (readonly [string, readonly Arg[][]])[] = [
  [
    'pending, then deleted, in the middle and at the end',
    [
      ...[1, 2, 3, 4, 5].map((i) => ['XADD', 'k', `${i}-1`, 'f', `v${i}`]),
      ['XGROUP', 'CREATE', 'k', 'g', '0'],
      ['XGROUP', 'CREATE', 'k', 'h', '2-1'],
      ['XREADGROUP', 'GROUP', 'g', 'a', 'COUNT', '5', 'STREAMS', 'k', '>'],
      ['XREADGROUP', 'GROUP', 'h', 'b', 'COUNT', '2', 'STREAMS', 'k', '>'],
      ['XDEL', 'k', '2-1', '5-1', '3-1'],
    ],
  ],
  [
    'pending, then cut off: no deletion is counted',
    [
      ...[1, 2, 3, 4, 5].map((i) => ['XADD', 'k', `${i}-1`, 'f', `v${i}`]),
      ['XGROUP', 'CREATE', 'k', 'g', '0'],
      ['XREADGROUP', 'GROUP', 'g', 'a', 'COUNT', '4', 'STREAMS', 'k', '>'],
      ['XTRIM', 'k', 'MAXLEN', '2'],
    ],
  ],
  [
    'everything pending and cut off',
    [
      ...[1, 2, 3].map((i) => ['XADD', 'k', `${i}-1`, 'f', `v${i}`]),
      ['XGROUP', 'CREATE', 'k', 'g', '0'],
      ['XREADGROUP', 'GROUP', 'g', 'a', 'STREAMS', 'k', '>'],
      ['XTRIM', 'k', 'MAXLEN', '0'],
    ],
  ],
  [
    'deleted first, then cut off further on: the highest deleted id lies below what is pending',
    [
      ...[1, 2, 3, 4, 5].map((i) => ['XADD', 'k', `${i}-1`, 'f', `v${i}`]),
      ['XGROUP', 'CREATE', 'k', 'g', '0'],
      ['XREADGROUP', 'GROUP', 'g', 'a', 'STREAMS', 'k', '>'],
      ['XDEL', 'k', '1-1'],
      ['XTRIM', 'k', 'MAXLEN', '1'],
    ],
  ],
  [
    'empty, without groups',
    [
      ['XADD', 'k', '7-7', 'f', 'v'],
      ['XDEL', 'k', '7-7'],
    ],
  ],
  ['never had an entry', [['XGROUP', 'CREATE', 'k', 'only group', '5-0', 'MKSTREAM', 'ENTRIESREAD', '3']]],
  [
    'ids beyond 2^53, many fields, counters set by hand',
    [
      ['XADD', 'k', '18446744073709551614-18446744073709551615', 'a', '1', 'a', '2', '', ''],
      ['XSETID', 'k', '18446744073709551615-5', 'ENTRIESADDED', '900', 'MAXDELETEDID', '9-9'],
      ['XGROUP', 'CREATE', 'k', 'unknown reads', '17-3'],
      ['XGROUP', 'CREATE', 'k', 'known reads', '17-3', 'ENTRIESREAD', '12'],
      ['XGROUP', 'CREATECONSUMER', 'k', 'known reads', ''],
    ],
  ],
  [
    'more pending than is asked for at once, of changing consumers and counts',
    [
      ...Array.from({length: 450}, (_, i) => ['XADD', 'k', `${i + 1}-0`, 'f', `v${i}`]),
      ['XGROUP', 'CREATE', 'k', 'g', '0'],
      ...Array.from({length: 15}, (_, i) => [
        ...['XREADGROUP', 'GROUP', 'g', `c${i % 4}`, 'COUNT', '30', 'STREAMS', 'k', '>'],
      ]),
      ['XCLAIM', 'k', 'g', 'c9', '0', '5-0', '300-0', 'RETRYCOUNT', '7'],
      ['XACK', 'k', 'g', '44-0', '45-0'],
      ['XTRIM', 'k', 'MAXLEN', '200'],
      ['XDEL', 'k', '301-0', '302-0', '440-0'],
    ],
  ],
];
