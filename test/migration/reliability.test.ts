/**
 * A bounded share of the reliability harness (test/reliability), with a fixed seed: kill -9, faults of servers, of the network and of
 * the disk, hostile surroundings. The whole of it, and its figures, are in docs/reliability.md.
 */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {runLayer} from '../reliability/campaign.js';
import type {LayerName} from '../reliability/layer.js';
import {layers} from '../reliability/layers.js';
import {staleMutants} from '../reliability/mutate.js';

const test = suite('migration/reliability');

const SEED = 1;
/** The shares of switchover and roles are in test/replication/switchover-kill.test.ts and roles.test.ts, where each case has a name; gap measures and proves the same as the tests there. */
const shares: Readonly<Record<LayerName, number>> = {
  kill: 14,
  faults: 6,
  proxy: 6,
  disk: 6,
  hostile: 6,
  switchover: 0,
  gap: 0,
  replicate: 4,
  roles: 0,
};

if (process.platform !== 'linux') console.log('skipped: the reliability harness needs strace, which only Linux has');

for (const layer of process.platform === 'linux' ? layers : []) {
  const wanted = shares[layer.name];
  if (wanted === 0) continue;
  test(`${layer.name}: ${wanted} cases`, async () => {
    const {failures, cases} = await runLayer(layer, {cases: wanted, seed: SEED, lanes: 2, say: console.log});
    assert.equal(failures, []);
    assert.ok(cases >= 0.7 * wanted, `only ${cases} of ${wanted} cases were hit by their fault`);
  });
}

test('every bug that the harness can plant still finds its place', () => {
  assert.equal(staleMutants(), []);
});

test.run();
