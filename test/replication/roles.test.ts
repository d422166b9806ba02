/**
 * What an operator meets while replication changes: telling cases of the layer `roles` (test/reliability/roles.ts), each of which looks at the
 * servers before and after the way out. All of them: `node test/reliability/run.mjs --layer roles`.
 */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {rolesLayer} from '../reliability/roles.js';

const test = suite('replication/roles');

/** command:part:fault:moment:servers */
const cases: readonly (readonly [string, string])[] = [
  [
    'pause:candidate:restarted-empty:promoting:redis',
    'emptied before its promotion is ordered: nobody is promoted there',
  ],
  ['dead:candidate:restarted-empty:first:valkey', 'the same where the master is dead: another one is chosen'],
  ['dead:sibling:wrong-login:before:tls', 'a wrong login of the replicas is found before anybody is promoted'],
  ['repoint:candidate:no-role-repoint:before:valkey', 'a right that is missing is found before anything is ordered'],
  ['pause:candidate:renamed-EVAL:before:redis', 'a command that is missing is found before anything is ordered'],
  ['attach:candidate:own-in-db3:before:redis', 'keys in database 3 alone are data'],
  [
    'dead:candidate:restarted-blank:siblings:redis',
    'a former master that has the last copy: nobody is told to discard it',
  ],
  [
    'pause:master:restarted-old:promoting:redis',
    'undone while both lead: that is said, and one of them attached again',
  ],
];

for (const [id, what] of cases) {
  test(`${id}: ${what}`, async () => {
    const {hit} = await rolesLayer.run(id);
    assert.ok(hit, 'the fault never came');
  });
}

test('the campaign has every fault, in every command, at every part; a share of it has as many faults as it can', async () => {
  const all = await rolesLayer.plan(rolesLayer.full, 1);
  assert.is(new Set(all).size, rolesLayer.full);
  const parts = all.map((id) => id.split(':'));
  const found = (i: number) => new Set(parts.map((words) => words[i])).size;
  assert.equal([found(0), found(1), found(4)], [5, 4, 3]);
  assert.ok(found(2) > 60, `${found(2)} faults`);
  const few = await rolesLayer.plan(8, 1);
  assert.is(new Set(few.map((id) => id.split(':')[2])).size > 6, true, few.join());
});

test.run();
