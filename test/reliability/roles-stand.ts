/** A case of the layer `roles` whose fault stands before the run begins. */
import * as assert from 'uvu/assert';
import type {CliResult} from '../rig/cli.js';
import {launch} from './launch.js';
import type {Outcome} from './layer.js';
import {
  assertHonest,
  assertKept,
  assertOneWritable,
  heldBy,
  roleOf,
  told,
  unionOf,
  watchLeaders,
} from './roles-check.js';
import {converge} from './roles-recover.js';
import {type Armed, type StandingCase, standing} from './roles-standing.js';
import {die, revive} from './roles-strike.js';
import {argsOf, type World} from './roles-world.js';

export async function runStanding(world: World, {course, role, fault}: StandingCase): Promise<Outcome> {
  const what = `${course} ${role} ${fault}`;
  const {arm, isEarly = false} = standing[fault]!;
  const early = isEarly ? await arm(world, role) : null;
  const all = unionOf(await heldBy(world));
  if (course === 'dead') await die(world);
  const armed = early ?? (await arm(world, role));
  const held = await heldBy(world);
  const watching = watchLeaders(world);
  try {
    const before = await whoFollows(world);
    const env = {...world.env, ...armed.env};
    const ended = await launch(world.home, [...(armed.args ?? argsOf(world))], {env}).done;
    const heard = `${what}: ${told(ended)}`;
    assertHonest(ended, what);
    if ((await armed.isStill?.()) === false) return {hit: false, met: 'over'};
    assertEnded(ended, armed, heard);
    if (ended.status === 3) assert.equal(await whoFollows(world), before, `refused, and yet: ${heard}`);
    await assertOneWritable(world, heard);
    await assertKept(world, held, heard);
    await armed.check?.();
    await armed.mend(ended.status ?? -1);
    const trail = await converge(world, ended, {held, what, revive: () => revive(world)});
    assert.equal(await watching.stop(), [], `two masters: [${trail.join(' | ')}] ${heard}`);
    assert.equal(
      [...all].filter((key) => !unionOf(held).has(key)),
      [],
      `${what}: lost by the set-up`,
    );
    return {hit: true, met: `${course} ${fault}`};
  } finally {
    await watching.stop();
  }
}

function assertEnded(ended: CliResult, {exits, says, warns}: Armed, heard: string): void {
  assert.ok(exits.includes(ended.status ?? -1), `exit ${ended.status}, not ${exits.join(' or ')}: ${heard}`);
  const text = ended.stdout + ended.stderr;
  if (ended.status !== 0 && says !== undefined) assert.match(text, says, heard);
  if (warns !== undefined) assert.match(text, warns, heard);
}

async function whoFollows({servers}: World): Promise<(string | null)[]> {
  return Promise.all(servers.map(roleOf));
}
