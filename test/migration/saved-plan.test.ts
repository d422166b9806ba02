/** A plan as a file: carried out exactly, refused when a fact has changed, and a second time nothing. */
import {readFileSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {prepareSaved} from '../../src/migration/prepare.js';
import {DEFAULT_SETTINGS} from '../../src/migration/records.js';
import {type PlanContent, type SavedPlan, sealed} from '../../src/migration/saved-plan.js';
import {loadTopology} from '../../src/topology/load.js';
import {textSha256} from '../../src/topology/save.js';
import {fill} from '../rig/data.js';
import {type Rig, type Server, withServers} from '../rig/servers.js';
import {
  assertPlaced,
  assertSame,
  assertStatus,
  durable,
  everything,
  type Field,
  fault,
  field,
  prepareHere,
  rebalanceHere,
  topologyText,
} from './field.js';

const test = suite('migration/saved-plan');

interface Scene {
  readonly servers: readonly Server[];
  readonly a: Server;
  readonly b: Server;
  readonly home: Field;
  readonly path: string;
  readonly rig: Rig;
  readonly add: string[];
}

/** A plan to add b, saved; a has 300 keys. */
async function withPlan(body: (scene: Scene) => Promise<void>): Promise<void> {
  await withServers([durable, durable], async (servers, rig) => {
    const [a, b] = servers as [Server, Server];
    await fill(a, {seed: 8, keys: 300, ttlShare: 0});
    const home = field(rig, topologyText('{scheme: ketama}', [{name: 'a', address: a.address}]));
    const path = join(dirname(home.file), 'plan.json');
    const add = [`b=${b.address}`];
    await (await prepareHere(home, {add})).save(path, `rtopo rebalance plan --add ${add[0]} --out plan.json`);
    await body({servers, a, b, home, path, rig, add});
  });
}

const planIn = (path: string): SavedPlan => JSON.parse(readFileSync(path, 'utf8'));

/** The plan with something else in it, as rtopo would have sealed it. */
function rewrite(path: string, change: (plan: PlanContent) => Partial<PlanContent>): void {
  const {hash: _, ...content} = planIn(path);
  writeFileSync(path, JSON.stringify(sealed({...content, ...change(content)})));
}

async function apply({home, path}: Scene) {
  const source = await loadTopology({file: home.file, env: {}, cwd: home.home});
  return prepareSaved(source, path, {timeoutMs: 5000, stateDir: join(home.home, 'state', 'rtopo'), again: ''});
}

async function stale(scene: Scene): Promise<string[]> {
  const {message, remedy, details} = await fault(apply(scene), 'PLAN_STALE', 3);
  assert.match(remedy!, /^rtopo rebalance plan --add b=127\.0\.0\.1:\d+ --out plan\.json$/);
  assert.match(message, 'Nothing was changed.');
  for (const {was, is} of details!.facts as {was: string; is: string}[]) assert.match(message, `${was} → ${is}`);
  return (details!.facts as {fact: string; at: string | null}[]).map(({fact, at}) => `${fact} ${at}`);
}

test('planned, reviewed, carried out, and carried out again', async () => {
  await withPlan(async ({servers, a, home, path, add}) => {
    const before = await everything(servers);
    const planned = await home.run(['rebalance', 'plan', '--add', add[0]!, '--fence', 'none', '-o', path, '--json']);
    assertStatus(planned, 2);
    const {result} = JSON.parse(planned.stdout);
    const {hash, command, census} = planIn(path);
    assert.is(result.plan.saved.hash, hash);
    assert.match(command, /^rtopo rebalance plan --add b=\S+ --fence none -o \S+plan\.json --json$/);
    assert.is(census.moving, result.keys.moving);
    // Nobody asked: then it is shown, and refused.
    assertStatus(await home.run(['rebalance', '--plan', path]), 3);
    assertStatus(await home.run(['rebalance', '--plan', path, '--yes', '--strays', 'keep']), 64);
    // Formatting is no change of a plan.
    writeFileSync(path, JSON.stringify(planIn(path)));
    await a.raw.cmd('SET', 'one more', 'v');
    const dry = await home.run(['rebalance', '--plan', path, '--dry-run']);
    assertStatus(dry, 2);
    assert.match(dry.stdout, /plan +\S+plan\.json, made \S+Z, \+1 key since\n +hash +[0-9a-f]{64}\n/);
    await a.raw.cmd('DEL', 'one more');
    assertStatus(await home.run(['rebalance', '--plan', path, '--yes']), 0);
    assertSame(before, await everything(servers), 'applied');
    await assertPlaced(home.text(), servers, 'applied');
    const again = await home.run(['rebalance', '--plan', path, '--yes']);
    assertStatus(again, 0);
    assert.match(again.stdout, /already done by operation \w{26}/);
    const [journal] = home.journals();
    assert.match(readFileSync(journal!, 'utf8').split('\n')[0]!, `"plan":"${hash}"`);
    assert.is(home.journals().length, 1);
  });
});

test('what a plan holds, and nothing besides', async () => {
  await withPlan(async ({a, b, home, path, add}) => {
    const {hash, created, servers, census, settings, ...rest} = planIn(path);
    assert.match(hash, /^[0-9a-f]{64}$/);
    assert.match(created, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.equal(settings, DEFAULT_SETTINGS);
    const said = {command: `rtopo rebalance plan --add ${add[0]} --out plan.json`, estimate: 'exact'};
    const {kind, version, topologySha256, fromText, toText, consents} = rest;
    assert.equal(
      [kind, version, rest.command, rest.estimate],
      ['rtopo-rebalance-plan', 1, said.command, said.estimate],
    );
    assert.equal([fromText, topologySha256], [home.text(), textSha256(home.text())]);
    assert.match(toText, b.address);
    assert.equal(consents, {acceptVolatile: [], replaceOn: []});
    assert.equal(
      servers.map(({at, name, role, keys}) => ({at, name, role, keys})),
      [
        {at: a.address, name: 'a', role: 'master', keys: [{db: 0, keys: 300}]},
        {at: b.address, name: 'b', role: 'master', keys: []},
      ],
    );
    const {moving, matrix, bytes} = census;
    assert.equal(census, {scanned: 300, moving, strays: 0, conflicts: 0, matrix, bytes});
    assert.equal(matrix, [{from: 'a', to: 'b', keys: moving, bytes}]);
  });
});

test('who carries it out elsewhere is told what proves it', async () => {
  await withPlan(async (scene) => {
    writeFileSync(scene.home.file, planIn(scene.path).toText);
    const {plan, changesAnything} = await apply(scene);
    assert.is(changesAnything, false);
    assert.match(plan.plan!.already!, /already done; rtopo verify proves/);
  });
});

test('stale: the topology file was edited', async () => {
  await withPlan(async (scene) => {
    writeFileSync(scene.home.file, `${scene.home.text()}# a colleague was here\n`);
    assert.equal(await stale(scene), ['topology null']);
  });
});

test('stale: a server was restarted, is no master any more, has another version, or is another one', async () => {
  await withPlan(async (scene) => {
    const {b, rig, path} = scene;
    const [other] = [await rig.start(durable)];
    await b.raw.cmd('REPLICAOF', other.host, other.port);
    assert.equal(await stale(scene), [`role ${b.address}`]);
    await b.raw.cmd('REPLICAOF', 'NO', 'ONE');
    await b.restart();
    assert.equal(await stale(scene), [`run-id ${b.address}`]);
    const text = readFileSync(path, 'utf8');
    rewrite(path, ({servers}) => ({servers: servers.map((one) => ({...one, version: '6.2.1'}))}));
    assert.equal(await stale(scene), [`version ${scene.a.address}`, `run-id ${b.address}`, `version ${b.address}`]);
    writeFileSync(path, text);
    rewrite(path, ({servers}) => ({servers: servers.slice(0, 1)}));
    assert.equal(await stale(scene), ['servers null']);
  });
});

test('keys may drift, up to a point', async () => {
  await withPlan(async (scene) => {
    const {a} = scene;
    await a.raw.pipeline(Array.from({length: 90}, (_, i) => ['SET', `later:${i}`, 'v']));
    assert.is((await apply(scene)).refusal, null);
    await a.raw.pipeline(Array.from({length: 20}, (_, i) => ['SET', `latest:${i}`, 'v']));
    assert.equal(await stale(scene), [`keys ${a.address}`]);
    await a.raw.cmd('FLUSHALL');
    assert.equal(await stale(scene), [`keys ${a.address}`]);
  });
});

test('what moves may not be something else, although the counts are the same', async () => {
  await withPlan(async (scene) => {
    rewrite(scene.path, ({census}) => ({census: {...census, moving: census.moving + 500}}));
    assert.equal(await stale(scene), ['moving null']);
  });
});

test('the checks of every plan are made again', async () => {
  await withPlan(async (scene) => {
    await scene.b.raw.cmd('CONFIG', 'SET', 'appendonly', 'no');
    const {refusal} = await apply(scene);
    assert.is(refusal?.exit, 3);
    assert.match(refusal!.message, scene.b.address);
  });
});

test('a file that is not what rtopo wrote', async () => {
  await withPlan(async (scene) => {
    const {path} = scene;
    const text = readFileSync(path, 'utf8');
    const damaged = [
      text.slice(0, -20),
      text.replace('"onConflict": "fail"', '"onConflict": "skip"'),
      text.replace(/"moving": (\d+)/, '"moving": 1$1'),
      text.replace('"hash": "', '"hash": "0'),
      text.replace('rtopo-rebalance-plan', 'another-plan'),
      text.replace('"version": 1,', '"version": 2,'),
      '[]',
      'null',
      '',
    ];
    for (const one of damaged) {
      writeFileSync(path, one);
      const {message} = await fault(apply(scene), 'PLAN_DAMAGED', 3);
      assert.match(message, 'plan.json');
    }
    await fault(apply({...scene, path: `${path}.nowhere`}), 'PLAN_NOT_FOUND', 64);
  });
});

test('an older plan is replaced, another file is not', async () => {
  await withPlan(async ({home, path, add}) => {
    const prepared = await prepareHere(home, {add});
    await prepared.save(path, 'rtopo rebalance plan again');
    assert.is(planIn(path).command, 'rtopo rebalance plan again');
    writeFileSync(path, 'my notes');
    await fault(prepared.save(path, ''), 'PLAN_FILE_EXISTS', 64);
    assert.is(readFileSync(path, 'utf8'), 'my notes');
    await fault(prepared.save(join(dirname(path), 'nowhere', 'x.json'), ''), 'PLAN_NOT_SAVED', 1);
  });
});

test('no key, no value, no secret', async () => {
  await withServers([durable, durable], async (servers, rig) => {
    const [a, b] = servers as [Server, Server];
    await a.raw.pipeline(Array.from({length: 200}, (_, i) => ['SET', `marked-key:${i}`, `marked-value:${i}`]));
    // Two values of one name, and strays, whose names a plan on the screen does show.
    await b.raw.pipeline(Array.from({length: 90}, (_, i) => ['SET', `marked-key:${i}`, 'marked-other']));
    const text = topologyText('{scheme: ketama}', [
      {name: 'a', address: a.address},
      {name: 'b', address: b.address},
    ]);
    const home = field(rig, text);
    const path = join(dirname(home.file), 'plan.json');
    const prepared = await prepareHere(home, {weight: ['a=2'], settings: {onConflict: 'skip', strays: 'keep'}});
    assert.is(prepared.refusal, null, prepared.refusal?.message);
    assert.ok(prepared.plan.keys.strays > 20);
    await prepared.save(path, 'rtopo rebalance plan');
    assert.not.match(readFileSync(path, 'utf8'), 'marked');
  });
});

test('the verb and its exit codes', async () => {
  await withPlan(async ({b, home, add, path}) => {
    assertStatus(await home.run(['rebalance', 'plan', '--add', add[0]!]), 2);
    assertStatus(await home.run(['rebalance', 'plan', '--to', home.file]), 0);
    await b.raw.cmd('SET', 'k', 'v');
    const text = readFileSync(path, 'utf8');
    const refused = await home.run(['rebalance', 'plan', '--add', add[0]!, '--out', path]);
    assertStatus(refused, 3);
    assert.match(refused.stderr, 'NOT_EMPTY');
    assert.is(readFileSync(path, 'utf8'), text, 'a plan that is refused is not saved');
  });
});

test('what was asked for is the case already', async () => {
  await withPlan(async ({servers, home, add}) => {
    await fault(prepareHere(home, {remove: ['b']}), 'SHARD_UNKNOWN', 64);
    await rebalanceHere(home, {add, weight: ['a=2'], rename: ['a=first']});
    const cases = [
      [{add}, /^b is already part of the topology; nothing/],
      [{weight: ['first=2']}, /^The topology says so already/],
      [{scheme: 'ketama'}, /^The topology says so already/],
      [{add, weight: ['a=2'], rename: ['a=first']}, /^Operation \w{26} did that already/],
    ] as const;
    for (const [request, says] of cases) {
      const {plan, changesAnything} = await prepareHere(home, request);
      assert.is(changesAnything, false);
      assert.match(plan.plan!.already!, says);
    }
    await rebalanceHere(home, {remove: ['b']});
    const again = await home.run(['rebalance', '--remove', 'b']);
    assertStatus(again, 0, 'no question is asked about nothing');
    assert.match(again.stdout, /^✓ Operation \w{26} did that already\.\n$/);
    await fault(prepareHere(home, {remove: ['c']}), 'SHARD_UNKNOWN', 64);
    assert.is(await servers[1]!.raw.cmd('DBSIZE'), 0);
  });
});

test.run();
