/** A saved plan: reviewed, carried out as it stands, or refused with the fact that has changed. */
import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {RtopoError} from '../../src/errors.js';
import {Replication} from '../../src/replication/replication.js';
import {parseAddress} from '../../src/topology/address.js';
import {
  assertExit,
  declare,
  envelope,
  fill,
  follows,
  forgetOrders,
  live,
  orders,
  shardYaml,
} from '../replication/live.js';
import {instance, shard, topology} from '../replication/worlds.js';
import {type Server, withServers} from '../rig/servers.js';

const test = suite('commands/replicate-plan');

test('made, looked at, carried out, and a second time nothing', () =>
  withServers(3, async ([m, r, s], rig) => {
    const rtopo = live(rig);
    await fill(m!, 5);
    await fill(s!, 3);
    declare(rig, shardYaml('alpha', [m!, r!, s!]));
    await forgetOrders(m!, r!, s!);
    const refused = await rtopo(['replicate', '--plan-out', 'plan.json']);
    assertExit(refused, 3);
    assert.match(refused.stdout, 'WOULD_WIPE');
    const made = await rtopo(['replicate', '--plan-out', 'plan.json', '--discard-data', s!.address]);
    assertExit(made, 2);
    assert.match(made.stdout, 'rtopo replicate --apply-plan plan.json');
    for (const server of [m!, r!, s!]) assert.equal(await orders(server), []);
    const text = readFileSync(join(rig.dir, 'plan.json'), 'utf8');
    const saved = JSON.parse(text);
    assert.equal([saved.kind, saved.version, saved.discard.length], ['rtopo-replication-plan', 1, 1]);
    const loss = await rtopo(['replicate', '--apply-plan', 'plan.json', '--discard-data', r!.address]);
    assertExit(loss, 64);
    const unasked = await rtopo(['replicate', '--apply-plan', 'plan.json']);
    assertExit(unasked, 3);
    assert.match(unasked.stderr, 'rtopo replicate --apply-plan plan.json --yes');
    const run = await rtopo(['replicate', '--apply-plan', 'plan.json', '--yes', '--json']);
    assertExit(run, 0);
    assert.equal([await follows(r!), await follows(s!)], [m!.address, m!.address]);
    const again = await rtopo(['replicate', '--apply-plan', 'plan.json', '--yes']);
    assertExit(again, 0);
    assert.match(again.stdout, 'no changes');
    writeFileSync(join(rig.dir, 'plan.json'), text.replace('"discard"', '"discards"'));
    const damaged = await rtopo(['replicate', '--apply-plan', 'plan.json', '--yes', '--json']);
    assertExit(damaged, 3);
    assert.is(envelope(damaged).error.code, 'PLAN_DAMAGED');
  }));

interface Scene {
  readonly m: Server;
  readonly r: Server;
}

const changes: readonly [string, (scene: Scene) => Promise<unknown>, string, RegExp][] = [
  ['a restart', ({m}) => m.restart(), 'run-id', /run id: the server was restarted/],
  ['a master that lost its keys', ({m}) => m.raw.cmd('FLUSHALL'), 'keys', /keys: 5 → 0/],
  ['a victim that is written to', ({r}) => r.raw.cmd('SET', 'fresh', 1), 'keys', /keys: 2 → 3/],
  ['another role', ({r}) => r.raw.cmd('REPLICAOF', '127.0.0.1', 1), 'role', /role: master → replica/],
  ['a server that is gone', ({r}) => r.kill(), 'answers', /answers: yes → no/],
];
for (const [what, change, fact, says] of changes) {
  test(`stale: ${what}`, () =>
    withServers(2, async ([m, r], rig) => {
      await fill(m!, 5);
      await fill(r!, 2);
      const options = {
        topology: topology([shard(m!.address, [instance(r!.address, m!.address)])]),
        discard: [parseAddress(r!.address, 'test')],
        ...{commandTimeoutMs: 2000, linkTimeoutMs: 5000},
      };
      const file = join(rig.dir, 'plan.json');
      await (await Replication.plan(options)).save(file, 'rtopo replicate --plan-out plan.json');
      await change({m: m!, r: r!});
      try {
        await Replication.saved(file, {...options, discard: []});
        assert.unreachable('it was taken');
      } catch (error) {
        assert.instance(error, RtopoError);
        const {code, exit, message, details, remedy} = error as RtopoError;
        assert.equal([code, exit, remedy], ['PLAN_STALE', 3, 'rtopo replicate --plan-out plan.json']);
        assert.match(message, says);
        assert.ok((details!.facts as {fact: string}[]).some((one) => one.fact === fact));
      }
    }));
}

test('stale: another topology, or a step that costs more than was reviewed', () =>
  withServers(3, async ([a, b, c], rig) => {
    await fill(a!, 5);
    for (const one of [b!, c!]) await rig.replicate(one, a!);
    await rig.caughtUp(a!, b!, c!);
    await c!.raw.cmd('REPLICAOF', '127.0.0.1', (await rig.deadAddress()).split(':')[1]!);
    const chain = shard(a!.address, [instance(b!.address, a!.address), instance(c!.address, b!.address)]);
    const options = {topology: topology([chain]), discard: [], commandTimeoutMs: 2000, linkTimeoutMs: 5000};
    const file = join(rig.dir, 'plan.json');
    await (await Replication.plan(options)).save(file, 'rtopo replicate --plan-out plan.json');
    const stale = (with_: typeof options) =>
      Replication.saved(file, with_).then(
        () => '',
        (error: RtopoError) => error.message,
      );
    assert.is(await stale(options), '');
    const other = shard(a!.address, [instance(b!.address, a!.address)]);
    assert.match(await stale({...options, topology: topology([other])}), /topology file declares/);
    // Its backlog begins anew: the partial resync that was reviewed would be a full one.
    await b!.raw.cmd('CONFIG', 'SET', 'repl-backlog-size', '16kb');
    await fill(a!, 2000);
    await rig.caughtUp(a!, b!);
    assert.match(
      await stale(options),
      /what there is to do: replicate-from .* partial resync → replicate-from .* full/,
    );
  }));

test.run();
