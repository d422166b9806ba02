/** How long requests wait at a server, by its own clock. The rest of the sampler is in the tests of the pace. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {Queue} from '../../src/migration/sampler.js';

const test = suite('migration/sampler');

test('neither the way there nor another clock is a wait; a busy server is', () => {
  const queue = new Queue();
  const [clocks, way] = [-3_600_000, 40];
  const carriedOut = (sentMs: number, waitMs: number) => sentMs + clocks + way + waitMs;
  assert.is(queue.wait(1000, carriedOut(1000, 0)), 0);
  assert.is(queue.wait(1050, carriedOut(1050, 12)), 12);
  assert.is(queue.wait(1100, carriedOut(1100, 0.5)), 0.5);
});

test('the quickest answer is forgotten in time, for clocks drift apart', () => {
  const queue = new Queue();
  assert.is(queue.wait(0, 0), 0);
  for (let i = 1; i < 500; i++) assert.is(queue.wait(i, i + 7), 7);
  assert.is(queue.wait(500, 507), 0, 'the one without a wait is out of sight');
});

test.run();
