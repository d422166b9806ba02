/** The table of permissions, as text. That it is right is proved by test/commands/acl.test.ts, on servers. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {grantLine, keyRules, permissionOf, permissions, rulesOf, userLine} from '../../src/redis/permissions.js';

const test = suite('redis/permissions');

test('the rules of a user: keys first, everything away, then one by one', () => {
  const rules = rulesOf(permissionOf('locate')!);
  assert.equal(rules.slice(0, 2), ['%R~*', '-@all']);
  assert.ok(rules.includes('+exists') && rules.includes('+client|setname'));
  assert.is(userLine('ops', ['-@all', '+info']), 'ACL SETUSER ops reset on >SECRET -@all +info');
  assert.is(grantLine('ops', ['replicaof', 'config|set']), 'ACL SETUSER ops +replicaof +config|set');
});

test('key patterns: none, the own ones, or those of the data with the own ones beside them', () => {
  assert.equal(keyRules('none', ['a*']), []);
  assert.equal(keyRules('lock-read', ['a*']), ['%R~__rtopo:*']);
  assert.equal(keyRules('lock'), ['~__rtopo:*']);
  assert.equal(keyRules('read', ['a*', 'b*']), ['%R~a*', '%R~b*']);
  assert.equal(keyRules('write'), ['~*']);
  assert.equal(keyRules('write', ['a*']), ['~__rtopo:*', '~a*']);
});

test('what older servers do not know is left out: there a rule that names it is an error', () => {
  const rules = (version: readonly [number, number]) => rulesOf(permissionOf('rebalance')!, {version});
  assert.not.ok(rules([7, 0]).includes('+waitaof'));
  assert.ok(rules([7, 2]).includes('+waitaof') && !rules([7, 2]).includes('+hpexpireat'));
  assert.ok(rules([8, 0]).includes('+waitaof') && rules([8, 0]).includes('+hpexpireat'));
});

test('no command is given what reads or destroys everything, and none of them twice', () => {
  const never = ['acl|setuser', 'flushall', 'flushdb', 'debug', 'monitor', 'shutdown', 'swapdb', 'migrate', 'keys'];
  for (const {command, commands} of permissions) {
    assert.is(new Set(commands).size, commands.length, command);
    assert.equal(
      commands.filter((name) => never.includes(name) || name.startsWith('@')),
      [],
      command,
    );
  }
});

test.run();
