/** The operator's part after a case of the layer `roles`: one printed command, or the same again, until `rtopo status` says 0. */
import * as assert from 'uvu/assert';
import type {CliResult} from '../rig/cli.js';
import {errorOf, launch} from './launch.js';
import {assertConverged, assertHonest, assertKept, type Held, told, unionOf} from './roles-check.js';
import {argsOf, type World} from './roles-world.js';

/** The way back of a dead master is a command of its own. */
const commandsFor = ({course}: World): number => (course === 'dead' ? 2 : 1);

export interface Owed {
  readonly held: Held;
  readonly what: string;
  /** Called where the dead master is to come back. */
  readonly revive: () => Promise<void>;
}

/** @param ended the run that met the fault. Returns the commands that were needed. */
export async function converge(world: World, ended: CliResult, {held, what, revive}: Owed): Promise<string[]> {
  const trail: string[] = [];
  let [last, isRevived, isRefused] = [ended, false, false];
  let wanted = ended.status === 0 || isAliveAgain(world, ended) ? null : printed(world, ended);
  // Told to look first, one does.
  if (wanted !== null && /^rtopo status/.test(errorOf(ended)?.remedy ?? '')) wanted = null;
  for (let left = commandsFor(world); ; left--) {
    if (wanted === null) {
      if (world.course === 'dead' && !isRevived) {
        isRevived = true;
        await revive();
      }
      last = await launch(world.home, statusArgs, {env: world.env}).done;
      assertHonest(last, `${what}: status`);
      if (last.status === 0) break;
      wanted = printed(world, last);
    }
    const heard = `${what}: [${trail.join(' | ')}] ${told(last)}`;
    // A consent is a person's to give: that it is asked for is no command too many.
    if (wanted.includes('--discard-data') && isRefused) left++;
    assert.ok(left > 0, `not converged after ${trail.length} commands: ${heard}`);
    assertExpendable(world, wanted, held, heard);
    trail.push(wanted.join(' '));
    last = await launch(world.home, wanted, {env: world.env}).done;
    assertHonest(last, `${what}: ${trail.join(' | ')}`);
    await assertKept(world, held, `${what}: ${trail.join(' | ')}: ${told(last)}`);
    isRefused = last.status === 3 && (errorOf(last)?.remedy ?? '').includes('--discard-data');
    const isOver = last.status === 0 || isRefused || (world.course === 'dead' && last.status === 4);
    assert.ok(isOver, `${what}: ${trail.join(' | ')}: ${told(last)} after ${told(ended)}`);
    wanted = isRefused ? printed(world, last) : null;
  }
  await assertConverged(world, unionOf(held), `${what}: ${trail.join(' | ')}`);
  return trail;
}

const statusArgs = ['status', '--json', '--wait-for', 'healthy', '--timeout', '6s'];

/** A master that is not dead is not succeeded: all is as it was. */
const isAliveAgain = ({course}: World, run: CliResult): boolean =>
  course === 'dead' && ['MASTER_ALIVE', 'MASTER_NOT_PROVED_DEAD'].includes(errorOf(run)?.code ?? '');

/** The command that a failure or a report of `status` prints; where it prints none, the same command again. */
export function printed(world: World, run: CliResult): string[] {
  const remedies = [errorOf(run)?.remedy ?? '', ...problemsOf(run)];
  const found = remedies.flatMap((text) => [
    ...text.matchAll(/rtopo (switchover resume [\dA-Z]+|replicate(?: --discard-data \S+)*)(?! --dry-run)/g),
  ]);
  const resume = found.find(([, command]) => command!.startsWith('switchover resume'));
  const [, command] = resume ?? found.find(([, one]) => one!.includes('--discard-data')) ?? found[0] ?? [];
  const consents = [...(remedies[0] ?? '').matchAll(/--discard-data \S+/g)].map(([text]) => text);
  if (command === undefined) return [...argsOf(world), ...consents.flatMap((text) => text.split(' '))];
  const words = command.replace(/[;,)]$/, '').split(' ');
  const limit = words[0] === 'replicate' ? '6s' : '2s';
  return [...words, '--yes', '--json', '--timeout', limit];
}

function problemsOf({stdout}: CliResult): string[] {
  try {
    const {result} = JSON.parse(stdout) as {result?: {problems?: {severity: string; remedy: string}[]}};
    const problems = result?.problems ?? [];
    return problems.filter(({severity}) => severity === 'critical').map(({remedy}) => remedy);
  } catch {
    return [];
  }
}

/** A consent is given only for what others hold. */
function assertExpendable(world: World, command: readonly string[], held: Held, heard: string): void {
  const named = command.filter((_, i) => command[i - 1] === '--discard-data');
  for (const address of named) {
    const others = [...held].filter(([server]) => world.at(server) !== address);
    const kept = unionOf(new Map(others));
    const only = [...unionOf(held)].filter((key) => !kept.has(key));
    assert.equal(only, [], `${heard}: it asks to discard what only ${address} holds`);
  }
}
