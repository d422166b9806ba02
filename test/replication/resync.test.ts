/** What a synchronisation came to, by the counters of the parent: as a table. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {type Resync, resyncsOf, type SyncCounters, type Witness} from '../../src/replication/resync.js';
import {backlog, history, lineage} from './worlds.js';

const test = suite('replication/resync');

/** Stood at 100; `kept`: its backlog still reaches back to there. */
const witness = (predicted: Resync, kept: boolean): Witness => ({
  predicted,
  before: {lineage: lineage(history('a'), 100)},
  after: {backlog: kept ? backlog(1, 150) : backlog(141, 10)},
});
const P = witness('partial', true);
const F = witness('full', false);
const surprise = witness('partial', false);

const table: readonly [string, [SyncCounters | null, SyncCounters | null], Witness[], (Resync | null)[]][] = [
  [
    'all partial',
    [
      {full: 3, partial: 1},
      {full: 3, partial: 3},
    ],
    [P, P],
    ['partial', 'partial'],
  ],
  [
    'all full',
    [
      {full: 3, partial: 1},
      {full: 5, partial: 1},
    ],
    [F, F],
    ['full', 'full'],
  ],
  [
    'predicted partial, was full',
    [
      {full: 0, partial: 0},
      {full: 1, partial: 0},
    ],
    [surprise],
    ['full'],
  ],
  [
    'predicted full, was partial',
    [
      {full: 0, partial: 0},
      {full: 0, partial: 1},
    ],
    [witness('full', true)],
    ['partial'],
  ],
  [
    'one of each',
    [
      {full: 0, partial: 0},
      {full: 1, partial: 1},
    ],
    [P, F],
    ['partial', 'full'],
  ],
  [
    'one of each, the other way round',
    [
      {full: 0, partial: 0},
      {full: 1, partial: 1},
    ],
    [surprise, witness('full', true)],
    ['full', 'partial'],
  ],
  [
    'a stranger came too',
    [
      {full: 0, partial: 0},
      {full: 2, partial: 1},
    ],
    [P, F],
    ['partial', 'full'],
  ],
  [
    'testimony against the counters',
    [
      {full: 0, partial: 0},
      {full: 1, partial: 1},
    ],
    [P, P],
    [null, null],
  ],
  [
    'it had come up before',
    [
      {full: 1, partial: 0},
      {full: 1, partial: 0},
    ],
    [F],
    [null],
  ],
  [
    'counters set back',
    [
      {full: 5, partial: 5},
      {full: 0, partial: 1},
    ],
    [P],
    [null],
  ],
  ['not counted', [null, {full: 0, partial: 1}], [P], [null]],
];
for (const [what, [before, after], witnesses, kinds] of table) {
  test(what, () => assert.equal(resyncsOf({before, after}, witnesses), kinds));
}

test.run();
