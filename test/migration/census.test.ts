/** What a plan counts, by a count of its own: movement, strays, copies of one name, estimates, and what is no key. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {type Census, takeCensus} from '../../src/migration/census.js';
import {countOrSample, type EstimateOptions} from '../../src/migration/estimate.js';
import {copyFunctions} from '../../src/migration/functions.js';
import {type Change, planChange} from '../../src/migration/plan.js';
import {planRebalance} from '../../src/migration/planning.js';
import {preflight} from '../../src/migration/preflight.js';
import {DEFAULT_SETTINGS, type Settings} from '../../src/migration/records.js';
import {sideOf} from '../../src/migration/start.js';
import {snapshot} from '../rig/checker.js';
import {fill} from '../rig/data.js';
import {type Server, withServers} from '../rig/servers.js';
import {durable, fault, placer, topologyText} from './field.js';

const test = suite('migration/census');

const names = ['a', 'b', 'c', 'd'];
const text = (servers: readonly Server[], placement = '{scheme: ketama}') =>
  topologyText(
    placement,
    servers.map(({address}, i) => ({name: names[i]!, address})),
  );

function changeOf(from: string, to: string): Change {
  return planChange(sideOf(from, 'from.yml'), sideOf(to, 'to.yml'));
}

const timeoutMs = 5000;
const noConsents = {acceptVolatile: []};

async function censusOf(
  change: Change,
  options: {method?: Census['method']; keepStrays?: boolean} = {},
): Promise<Census> {
  const {nodes} = await preflight(change, {timeoutMs, operation: null});
  return takeCensus(change, nodes, {method: 'exact', keepStrays: false, timeoutMs, ...options});
}

function planOf(change: Change, settings: Partial<Settings>, replaceOn: readonly string[] = []) {
  const consents = {...noConsents, replaceOn};
  return planRebalance(change, {consents, settings: {...DEFAULT_SETTINGS, ...settings}, estimate: 'exact', timeoutMs});
}

const codes = (objections: readonly {code: string; at: string}[]) => objections.map(({code, at}) => `${code} ${at}`);

test('keys of every database by present and future owner, as an independent count has them', async () => {
  await withServers([durable, durable, durable], async (servers) => {
    const [from, to] = [text(servers.slice(0, 2)), text(servers)];
    const [before, after] = [placer(from, servers), placer(to, servers)];
    const expected = {scanned: 0, strays: 0, moving: new Map<string, number>(), kept: 0};
    for (const [at, server] of servers.slice(0, 2).entries()) {
      await fill(server, {seed: 31 + at, keys: 2500, dbs: [0, 3, 15], ttlShare: 0});
      for (const key of (await snapshot(server)).keys()) {
        const name = Buffer.from(key.slice(key.indexOf(':') + 1), 'hex');
        expected.scanned += 1;
        const [isStray, owner] = [before(name) !== at, after(name)];
        if (isStray) expected.strays += 1;
        if (owner === at) continue;
        const pair = `${names[at]}→${names[owner]}`;
        expected.moving.set(pair, (expected.moving.get(pair) ?? 0) + 1);
        if (!isStray) expected.kept += 1;
      }
      // rtopo's own key is no key of the applications.
      await server.raw.cmd('SET', '__rtopo:other', 'x');
    }
    const census = await censusOf(changeOf(from, to));
    const found = new Map(census.matrix.map((cell) => [`${cell.from}→${cell.to}`, cell.keys]));
    assert.equal([...found].sort(), [...expected.moving].sort());
    assert.is(census.scanned, expected.scanned);
    assert.is(census.strays, expected.strays);
    assert.is(census.movingPlusMinus, 0);
    assert.is(census.sampled, expected.scanned);
    assert.ok(census.matrix.every(({bytes, keys}) => bytes > 40 * keys));
    // What does not belong where it is can also be left there; then fewer move, and none of them to its owner.
    const kept = await censusOf(changeOf(from, to), {keepStrays: true});
    assert.is(kept.moving, expected.kept);
    assert.is(kept.strays, expected.strays);
    assert.equal(kept.straysAt, census.straysAt);
  });
});

/** A name for each pair of owners before and after. */
function nameFor(wanted: (key: Buffer) => boolean): string {
  for (let i = 0; ; i++) if (wanted(Buffer.from(`name:${i}`))) return `name:${i}`;
}

test('copies of one name: at the target, at a rival, equal ones', async () => {
  await withServers([durable, durable, durable], async (servers) => {
    const [a, b, c] = servers as [Server, Server, Server];
    // All three are in both; c gets more by its weight.
    const from = text(servers);
    const to = from.replace(/(master: "[^"]*" # at home\n)(# kept: tail)/, '$1    weight: 5\n$2');
    const [before, after] = [placer(from, servers), placer(to, servers)];
    const path = (key: Buffer, source: number, target: number) => before(key) === source && after(key) === target;
    const occupied = nameFor((key) => path(key, 0, 2));
    const rival = nameFor((key) => path(key, 0, 2) && key.toString() !== occupied);
    const equal = nameFor((key) => path(key, 1, 2));
    await a.raw.pipeline([
      ['SET', occupied, 'right'],
      ['SET', rival, 'right'],
    ]);
    await c.raw.pipeline([
      ['SET', occupied, 'old'],
      ['SET', equal, 'same'],
    ]);
    await b.raw.pipeline([
      ['SET', rival, 'old'],
      ['SET', equal, 'same'],
    ]);
    const change = changeOf(from, to);
    const census = await censusOf(change);
    assert.is(census.conflicts, 2);
    assert.is(census.rivals, 1);
    assert.equal(census.conflictsAt, [{at: c.address, keys: 1}]);
    assert.equal(census.conflictExamples.map(({kind, key, source, target}) => [kind, key, source, target]).sort(), [
      ['occupied', occupied, a.address, c.address],
      ['rival', rival, b.address, a.address],
    ]);
    const objections = async (settings: Partial<Settings>, replaceOn: string[] = []) =>
      codes((await planOf(change, settings, replaceOn)).objections);
    assert.equal(await objections({onConflict: 'fail'}), [`CONFLICT ${a.address}`, `CONFLICT ${c.address}`]);
    assert.equal(await objections({onConflict: 'skip'}), [`CONFLICT ${a.address}`]);
    assert.equal(await objections({onConflict: 'replace'}), [
      `CONFLICT ${a.address}`,
      `REPLACE_NEEDS_CONSENT ${c.address}`,
    ]);
    assert.equal(await objections({onConflict: 'replace'}, [c.address]), [`CONFLICT ${a.address}`]);
    // The rival is a stray: left alone, it is in nobody's way.
    assert.equal(await objections({onConflict: 'replace', strays: 'keep'}, [c.address]), []);
    // Which of the strays is met first, nobody knows.
    const [found] = await objections({onConflict: 'skip', strays: 'fail'});
    assert.match(found!, /^STRAYS /);
    const {objections: named} = await planOf(change, {onConflict: 'replace', strays: 'keep'});
    assert.is(named[0]?.consent, `--replace-on ${c.address}`);
    assert.match(named[0]!.message, occupied);
  });
});

test('strays are not kept on a server that leaves', async () => {
  await withServers([durable, durable], async (servers) => {
    const [a, b] = servers as [Server, Server];
    const both = text(servers);
    const place = placer(both, servers);
    const stray = nameFor((key) => place(key) === 0);
    await b.raw.cmd('SET', stray, 'v');
    const change = changeOf(both, text([a]));
    assert.equal(codes((await planOf(change, {strays: 'keep'})).objections), [`STRAYS_LEFT_BEHIND ${b.address}`]);
    assert.equal(codes((await planOf(change, {strays: 'move'})).objections), []);
  });
});

test('a source without a declared replica cannot be read at one', async () => {
  await withServers([durable, durable], async (servers) => {
    const [a] = servers as [Server, Server];
    await fill(a, {seed: 5, keys: 50});
    const {objections} = await planOf(changeOf(text([a]), text(servers)), {readFrom: 'replica'});
    assert.equal(codes(objections), [`NO_REPLICA ${a.address}`]);
  });
});

test('an estimate looks at a part of the keys, and says how far it may be off', async () => {
  await withServers([durable, durable, durable], async (servers) => {
    const change = changeOf(text(servers.slice(0, 2)), text(servers));
    for (const [i, server] of servers.slice(0, 2).entries()) {
      await server.raw.pipeline([
        ['DEBUG', 'POPULATE', 30_000, `k${i}`, 10],
        ['SELECT', 4],
        ['DEBUG', 'POPULATE', 6000, `k${i}`, 10],
      ]);
    }
    const [exact, sample] = [await censusOf(change), await censusOf(change, {method: 'sample'})];
    assert.is(exact.scanned, 72_000);
    assert.is(sample.scanned, 72_000, 'the total is known without reading');
    assert.ok(sample.sampled >= 20_000 && sample.sampled < 26_000, String(sample.sampled));
    assert.ok(sample.movingPlusMinus > 100 && sample.movingPlusMinus < 2000, String(sample.movingPlusMinus));
    // The hash seed of a server changes with every start: 95 % would fail once in twenty runs. This is five standard deviations.
    const off = Math.abs(sample.moving - exact.moving);
    assert.ok(off <= 2.6 * sample.movingPlusMinus, `${sample.moving} ± ${sample.movingPlusMinus} of ${exact.moving}`);
    for (const cell of sample.matrix) {
      const truth = exact.matrix.find(({from, to}) => from === cell.from && to === cell.to)?.keys ?? 0;
      assert.ok(Math.abs(cell.keys - truth) <= 2.6 * cell.plusMinus!, `${JSON.stringify(cell)} of ${truth}`);
    }
    assert.ok(Math.abs(sample.strays - exact.strays) < 0.1 * exact.scanned);
    // A database that the sample covers as a whole is no estimate.
    for (const {raw} of servers) await raw.cmd('FLUSHALL');
    await servers[0]!.raw.pipeline([
      ['SELECT', 0],
      ['DEBUG', 'POPULATE', 300, 'k', 10],
    ]);
    assert.is((await censusOf(change, {method: 'sample'})).movingPlusMinus, 0);
  });
});

test('a sample is taken by itself only where counting could find nothing: no conflict, no stray, no way but copying', async () => {
  await withServers([durable, durable, durable], async (servers) => {
    const [a, b, c] = servers as [Server, Server, Server];
    const change = changeOf(text([a, b]), text(servers));
    const owner = placer(text([a, b]), [a, b]);
    const keys = Array.from({length: 400}, (_, i) => `key:${i}`);
    for (const [i, {raw}] of [a, b].entries()) {
      await raw.pipeline(keys.filter((key) => owner(Buffer.from(key)) === i).map((key) => ['SET', key, 'v']));
    }
    const settings = {strays: 'move', onConflict: 'fail'} as const;
    const method = async (options: Partial<EstimateOptions> = {}, of = change) => {
      const {nodes} = await preflight(of, {timeoutMs, operation: null});
      const census = await countOrSample(of, nodes, {
        ...{estimate: 'auto', settings, countedAnyway: 100, timeoutMs},
        ...options,
      });
      assert.ok(census.moving > 0);
      return census.method;
    };
    assert.is(await method(), 'sample');
    assert.is(await method({countedAnyway: 400}), 'exact', 'few keys');
    assert.is(await method({settings: {...settings, onConflict: 'skip'}}), 'exact', 'single keys have to be known');
    assert.is(await method({settings: {...settings, strays: 'keep'}}), 'exact', 'single keys have to be known');
    assert.is(await method({estimate: 'exact'}), 'exact');
    await c.raw.cmd('SET', 'held', 'there');
    assert.is(await method(), 'exact', 'a name may be taken');
    await c.raw.cmd('DEL', 'held');
    const foreign = keys.find((key) => owner(Buffer.from(key)) === 1)!;
    await a.raw.cmd('SET', foreign, 'v');
    assert.is(await method(), 'exact', 'one is where it does not belong');
    await a.raw.cmd('DEL', foreign);
    await b.raw.cmd('FLUSHALL');
    assert.is(await method({}, changeOf(text([a]), text(servers))), 'exact', 'it may be a split');
  });
});

const library = (name: string, answer: number) =>
  `#!lua name=${name}\nredis.register_function('${name}_f', function() return ${answer} end)`;

test('function libraries: told, copied once, never replaced', async () => {
  await withServers([durable, durable], async (servers) => {
    const [a, b] = servers as [Server, Server];
    await fill(a, {seed: 6, keys: 60});
    const change = changeOf(text([a]), text(servers));
    await a.raw.pipeline([
      ['FUNCTION', 'LOAD', library('one', 1)],
      ['FUNCTION', 'LOAD', library('two', 2)],
    ]);
    await b.raw.cmd('FUNCTION', 'LOAD', library('three', 3));
    const told = await planOf(change, {});
    assert.equal(codes(told.objections), []);
    assert.match(told.warnings.join('\n'), `${b.address} lacks function libraries that ${a.address} has: one, two`);
    const plan = await planOf(change, {functions: 'copy'});
    assert.equal([codes(plan.objections), plan.warnings], [[], []]);
    const copied = await copyFunctions(plan.nodes, plan.census.matrix, timeoutMs);
    assert.equal(copied, [{at: b.address, libraries: ['one', 'two']}]);
    assert.is(await b.raw.cmd('FCALL', 'two_f', 0), 2);
    assert.equal(await copyFunctions(plan.nodes, plan.census.matrix, timeoutMs), [], 'a second time');
    await b.raw.cmd('FUNCTION', 'LOAD', 'REPLACE', library('one', 9));
    assert.equal(codes((await planOf(change, {functions: 'copy'})).objections), [`FUNCTION_DIFFERS ${b.address}`]);
    assert.match((await planOf(change, {})).warnings.join('\n'), /have different code/);
    const {message} = await fault(copyFunctions(plan.nodes, plan.census.matrix, timeoutMs), 'FUNCTION_DIFFERS', 4);
    assert.match(message, 'library one');
    assert.is(await b.raw.cmd('FCALL', 'one_f', 0), 9);
  });
});

test.run();
