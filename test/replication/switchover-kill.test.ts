/**
 * kill -9 of `rtopo switchover` and `rtopo failover` at telling points of their way. Every point of it, under writers and with both verbs
 * afterwards: `node test/reliability/run.mjs --layer switchover`.
 */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {parseStrike, strikeOnce} from './change-kill.js';

const test = suite('replication/switchover-kill');

/** What is met when it is dead: old, new, third; M leads, r follows. */
const cases: readonly (readonly [string, RegExp])[] = [
  // The server goes on with its FAILOVER alone.
  ['failover:order:3:after:resume', /^(Mrr|rMr|rrr)$/],
  // Demoted, and nobody was promoted: forward, or back.
  ['pause:order:3:after:resume', /^rrr$/],
  ['pause:order:3:after:abort', /^rrr$/],
  ['dead:order:1:after:resume', /^Mr$/],
];

for (const [id, met] of cases) {
  test(`killed at ${id}`, async () => {
    assert.match(String(await strikeOnce(parseStrike(id))), met);
  });
}

test.run();
