/**
 * kill -9 of `rtopo switchover` and `rtopo failover` at telling points of their way. Every point of it, under writers and with both verbs
 * afterwards: `node test/reliability/run.mjs --layer switchover`.
 */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {parseStrike, strikeOnce} from './change-kill.js';

const test = suite('replication/switchover-kill');

/** What is met when it is dead: old, new, third; M leads, r follows. */
const cases: readonly (readonly [string, RegExp])[] = [['failover:order:4:after:abort', /Mrr/]];

for (const [id, met] of cases) {
  test(`killed at ${id}`, async () => {
    assert.match(String(await strikeOnce(parseStrike(id))), met);
  });
}

test.run();
