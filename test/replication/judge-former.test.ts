/** What the journals add to a status: only what still matters. */
import {mkdtempSync, readdirSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {Journal} from '../../src/journal/record.js';
import type {ServerFacts} from '../../src/redis/identity.js';
import {addMastership, type Mastership, readKnown} from '../../src/replication/former.js';
import {judgeTopology} from '../../src/replication/judge.js';
import {withMastership} from '../../src/replication/judge-former.js';
import {changesDir} from '../../src/replication/switchover-history.js';
import type {ChangeRecord} from '../../src/replication/switchover-record.js';
import {removeDir} from '../rig/processes.js';
import {attached, facts, fault, history, instance, leading, lineage, observed, shard, topology} from './worlds.js';

const test = suite('replication/judge-former');

const [OLD, NEW] = ['10.0.0.1:1', '10.0.0.2:2'];
const succeeded: Mastership = {
  former: [{shard: 'alpha', address: OLD, successor: NEW, mark: {replid: history('x'), offset: 100}, atMs: 0}],
  unfinished: [],
};

const declared = topology([shard(NEW, [instance(OLD)])]);
const took = {replid: history('n'), replid2: history('x'), secondOffset: 101, offset: 500};
const back = (replid: string, offset: number, successor: Partial<ServerFacts> = {}) =>
  observed({
    [NEW]: leading([OLD], {lineage: took, keys: 5, ...successor}),
    [OLD]: facts({lineage: lineage(replid, offset), keys: 5}),
  });

function found(known: Mastership, observation = back(history('x'), 160), world = declared): string[] {
  const report = withMastership(judgeTopology(world, observation), {
    topology: world,
    observation,
    known,
    again: ' -x',
    nowMs: 0,
  });
  return report.problems
    .filter(({code}) => code === 'FORMER_MASTER_BACK' || code === 'CHANGE_UNFINISHED')
    .map(({code, instance: at, message, remedy}) => `${code} ${at} ${message} ${remedy}`);
}

test('a former master that leads is critical, with the bytes of its own where its history tells them', () => {
  assert.match(
    found(succeeded)[0]!,
    /^FORMER_MASTER_BACK 10\.0\.0\.1:1 .*It has 60 bytes that 10\.0\.0\.2:2 does not have\..*--discard-data 10\.0\.0\.1:1/,
  );
  assert.match(found(succeeded, back(history('x'), 90))[0]!, 'It has nothing that 10.0.0.2:2 does not have.');
  assert.match(found(succeeded, back(history('y'), 9))[0]!, 'is unknown');
});

test('nobody is told to discard what may be the last copy', () => {
  const blank = {lineage: lineage(history('z'), 0)};
  for (const successor of [{...blank, keys: 0}, {...blank, keys: 4}, {keys: 0}]) {
    const [text] = found(succeeded, back(history('x'), 100, successor));
    assert.not.match(text!, '--discard-data');
    assert.match(text!, `${NEW} holds ${successor.keys} keys now, ${OLD} holds 5`);
    assert.match(text!, `if ${OLD} is right, make it the master in the topology file`);
  }
  // Restarted with its data it has another history, and all of the keys.
  assert.match(found(succeeded, back(history('x'), 100, {...blank, keys: 5}))[0]!, '--discard-data');
  const gone = observed({[NEW]: fault(), [OLD]: facts({lineage: lineage(history('x'), 100), keys: 5})});
  assert.not.match(found(succeeded, gone)[0]!, '--discard-data');
});

test('as a replica, or where somebody has gone back to it, it is none', () => {
  const tamed = observed({[NEW]: leading([OLD]), [OLD]: attached(NEW)});
  assert.equal(found(succeeded, tamed), []);
  const again = topology([shard(OLD, [instance(NEW)])]);
  assert.equal(found(succeeded, observed({[OLD]: leading([NEW]), [NEW]: attached(OLD)}), again), []);
  // The file still names it, and both lead.
  assert.is(found(succeeded, back(history('x'), 160), again).length, 1);
});

test('an unfinished change is critical, with the commands that end it', () => {
  const one = {shard: 'alpha', kind: 'switchover' as const, id: 'ID', old: OLD, next: NEW, isPromoted: false};
  const tamed = observed({[NEW]: leading([OLD]), [OLD]: attached(NEW)});
  const known = (isPromoted: boolean): Mastership => ({former: [], unfinished: [{...one, isPromoted}]});
  assert.match(found(known(false), tamed)[0]!, `CHANGE_UNFINISHED ${OLD} `);
  assert.match(
    found(known(false), tamed)[0]!,
    'rtopo switchover resume ID -x; or undo it: rtopo switchover abort ID -x',
  );
  assert.match(found(known(true), tamed)[0]!, `CHANGE_UNFINISHED ${NEW} `);
  assert.not.match(found(known(true), tamed)[0]!, 'abort');
});

test('read from journals: an undone failover left no former master; a damaged journal does not hide what the servers say', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'rtopo-former-'));
  try {
    const where = {stateDir: dir, file: join(dir, 'rtopo.yml'), again: ''};
    const observation = back(history('x'), 160);
    const report = judgeTopology(declared, observation);
    const journals = {again: '', readKnown: () => readKnown(declared, where)};
    const codes = () =>
      addMastership(report, {topology: declared, observation}, journals).problems.map(({code}) => code);
    const write = async (id: string, ...records: ChangeRecord[]) => {
      const journal = Journal.create<ChangeRecord>(join(changesDir(where), `${id}.jsonl`));
      const begin = {kind: 'failover' as const, file: where.file, fromText: '', shard: 'alpha', old: OLD, next: NEW};
      const how = {
        engine: 'promotion' as const,
        engineReason: null,
        fenceMs: 0,
        killClients: false,
        discard: [],
        isDeclaredDead: false,
      };
      await journal.append({type: 'begin', id, ...begin, ...how}, 1);
      for (const record of records) await journal.append(record, 2);
      await journal.close();
    };
    const promoting: ChangeRecord = {
      type: 'promoting',
      mark: {replid: history('x'), offset: 100},
      fullSyncs: 0,
      bytesLost: null,
      inherited: null,
    };
    await write('01M8D81DMXQSH0WJGJ1WET6ZYA', promoting, {type: 'end', phase: 'aborted'});
    assert.not.ok(codes().includes('FORMER_MASTER_BACK'));
    await write('01M8D81DMXQSH0WJGJ1WET6ZYB', promoting);
    assert.ok(codes().includes('FORMER_MASTER_BACK') && codes().includes('CHANGE_UNFINISHED'));
    const [first] = readdirSync(changesDir(where));
    writeFileSync(join(changesDir(where), first!), '{"type":"begin"}\nnonsense\n', {mode: 0o600});
    assert.is(codes().at(-1), 'JOURNAL_DAMAGED');
    assert.ok(codes().includes('ROLE_MISMATCH'));
  } finally {
    removeDir(dir);
  }
});

test.run();
