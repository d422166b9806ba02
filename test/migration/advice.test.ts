/** What a plan says beside its numbers: a scheme that would move less, doubling, and names that are identities. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {adviceFor} from '../../src/migration/advice.js';
import {planChange} from '../../src/migration/plan.js';
import {standingOf} from '../../src/migration/standing.js';
import {sideOf} from '../../src/migration/start.js';

const test = suite('migration/advice');

interface Sketch {
  readonly name: string;
  readonly port: number;
  readonly more?: string;
}

const file = (placement: string, shards: readonly Sketch[]) =>
  `version: 1\nname: x\nplacement: ${placement}\nshards:\n${shards
    .map(({name, port, more = ''}) => `  - {name: ${name}, master: "h:${port}"${more}}\n`)
    .join('')}`;

const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name, i) => ({name, port: i + 1})) as [Sketch, Sketch, Sketch, Sketch];

function advised(from: string, to: string, moving: number, scanned = 1000) {
  return adviceFor(planChange(sideOf(from, 'r'), sideOf(to, 'r')), {moving, scanned});
}

test('a scheme that reshuffles: what would move less, and that doubling is its strength', () => {
  const found = advised(file('{scheme: modulo}', [a, b, c]), file('{scheme: modulo}', [a, b, c, d]), 750);
  assert.equal(
    found.map(({code}) => code),
    ['MOVES_MORE', 'DOUBLING'],
  );
  const [less, doubled] = found;
  assert.match(less!.message, /^(ketama|rendezvous|jump) would move about 2\d\.\d % for this change/);
  assert.ok(less!.share! > 0.2 && less!.share! < 0.3);
  assert.match(doubled!.message, /^modulo over 6 shards instead would move (49|50)\.\d %/);
});

test('nothing is said where it would be of no use', () => {
  const two = file('{scheme: modulo}', [a, b]);
  const four = file('{scheme: modulo}', [a, b, c, d]);
  assert.equal(advised(two, four, 500), [], 'doubling already');
  assert.equal(advised(four, file('{scheme: ketama}', [a, b, c, d]), 750), [], 'a change of scheme');
  assert.equal(advised(two, file('{scheme: modulo}', [a, b, c]), 60, 90), [], 'a handful of keys');
  const ring = file('{scheme: ketama}', [a, b]);
  assert.equal(advised(ring, file('{scheme: ketama}', [a, b, c]), 350), [], 'about the least');
});

test('schemes without weights are not recommended where weights matter', () => {
  const heavy = {...c, more: ', weight: 3'};
  const found = advised(file('{scheme: modulo}', [a, b]), file('{scheme: modulo}', [a, b, heavy]), 900);
  assert.equal(
    found.map(({code, message}) => `${code} ${message.split(' ')[0]}`),
    ['MOVES_MORE ketama', 'DOUBLING modulo'],
  );
});

test('another name in a ring', () => {
  const renamed = {...b, name: 'new'};
  const ring = file('{scheme: ketama}', [a, b]);
  const [moves] = advised(ring, file('{scheme: ketama}', [a, renamed]), 500);
  assert.is(moves?.code, 'RENAME_MOVES');
  assert.match(moves!.message, '`node: b` in shard new keeps every one of them in place');
  const kept = {...renamed, more: ', node: b'};
  const [stays] = advised(ring, file('{scheme: ketama}', [a, kept]), 0);
  assert.is(stays?.code, 'RENAME_KEPT');
  assert.match(stays!.message, 'b becomes new and stays b to the ring');
  const list = file('{scheme: modulo}', [a, b]);
  assert.equal(advised(list, file('{scheme: modulo}', [a, renamed]), 0), [], 'places, not names');
});

const counts = {copied: 12_345, deleted: 0};

test('where every key is, phase by phase', () => {
  const cases = [
    [{phase: 'planned', hasCutOver: false}, /sources hold every key; nothing was copied/],
    [
      {phase: 'copying', hasCutOver: false},
      /sources hold every key; 12,345 copies are on the targets too\. Nothing is deleted/,
    ],
    [{phase: 'verified', hasCutOver: false}, /sources hold every key/],
    [{phase: 'verified', hasCutOver: true}, /topology file names the new owners/],
    [{phase: 'cutover', hasCutOver: true}, /new owners hold every key .* 12,345 copies are still at their sources/],
    [{phase: 'pruning', hasCutOver: true}, /new owners hold every key .* 0 of the old 12,345 copies are deleted/],
    [{phase: 'done', hasCutOver: true}, /on its owner, once/],
    [{phase: 'aborted', hasCutOver: false}, /as before/],
  ] as const;
  for (const [standing, says] of cases) assert.match(standingOf({...standing, counts}), says, standing.phase);
});

test.run();
