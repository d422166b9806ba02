/** The operator's part after a case of the layer `roles`: one printed command, or the same again, until `rtopo status` says 0. */
import * as assert from 'uvu/assert';
import type {CliResult} from '../rig/cli.js';
import {until} from '../rig/wait.js';
import {errorOf, launch} from './launch.js';
import {
  assertConverged,
  assertHonest,
  assertKept,
  type Held,
  heldBy,
  isUp,
  roleOf,
  told,
  unionOf,
} from './roles-check.js';
import {argsOf, declareWorld, type World} from './roles-world.js';

/** The way back of a dead master is a command of its own. */
const commandsFor = ({course}: World): number => (course === 'dead' ? 2 : 1);

export interface Owed {
  readonly held: Held;
  readonly what: string;
  /** Called where the dead master is to come back. */
  readonly revive: () => Promise<void>;
}

/** @param ended the run that met the fault. Returns the commands that were needed. */
export async function converge(world: World, ended: CliResult, owed: Owed): Promise<string[]> {
  const {what, revive} = owed;
  let {held} = owed;
  const trail: string[] = [];
  let [last, isRevived, isRefused] = [ended, false, false];
  let wanted = ended.status === 0 || isAliveAgain(world, ended) ? null : printed(world, ended);
  if (isToLook(ended)) wanted = null;
  for (let left = commandsFor(world); ; left--) {
    if (wanted === null) {
      if (world.course === 'dead' && !isRevived) {
        isRevived = true;
        await revive();
        // What it brings back from its disk is owed too.
        const {master} = world.cast;
        held = new Map(held).set(master, (await heldBy(world)).get(master) ?? new Set());
      }
      last = await launch(world.home, statusArgs, {env: world.env}).done;
      assertHonest(last, `${what}: status`);
      if (last.status === 0) break;
      // What it waited for in vain it names; what mends it is in the report.
      last = await launch(world.home, ['status', '--json'], {env: world.env}).done;
      wanted = printed(world, last, REPLICATE);
      if (goesBack(world, last)) {
        // The master that was succeeded has the last copy: the file names it again.
        declareWorld(world);
        wanted = REPLICATE;
      }
    }
    const heard = `${what}: [${trail.join(' | ')}] ${told(last)}`;
    // A consent, or another choice, is a person's to make: that it is asked for is no command too many.
    if (isRefused) left++;
    assert.ok(left > 0, `not converged after ${trail.length} commands: ${heard}`);
    await assertExpendable(world, wanted, heard);
    trail.push(wanted.join(' '));
    last = await launch(world.home, wanted, {env: world.env}).done;
    assertHonest(last, `${trail.join(' | ')}: ${heard}`);
    await assertKept(world, held, `${what}: ${trail.join(' | ')}: ${told(last)}`);
    if (errorOf(last)?.code === 'LOCKED') {
      await endLeases(world);
      last = await launch(world.home, wanted, {env: world.env}).done;
    }
    const undo = await undoing(world, last);
    if (undo !== null) {
      trail.push(undo.join(' '));
      last = await launch(world.home, undo, {env: world.env}).done;
    }
    // Undone, and the other one leads too, as it said: that one is attached again.
    const isSplit = undo !== null && errorOf(last)?.code === 'TWO_MASTERS';
    isRefused = last.status === 3 && /--discard-data|leave --to away/.test(errorOf(last)?.remedy ?? '');
    const isOver =
      last.status === 0 || isRefused || isSplit || (world.course === 'dead' && [4, 5].includes(last.status ?? -1));
    assert.ok(isOver, `${what}: ${trail.join(' | ')}: ${told(last)} after ${told(ended)}`);
    if (isSplit) left++;
    wanted = (isRefused || isSplit) && !isToLook(last) ? printed(world, last, wanted) : null;
  }
  await assertConverged(world, unionOf(held), `${what}: ${trail.join(' | ')}`);
  return trail;
}

const REPLICATE = ['replicate', '--yes', '--json', '--timeout', '6s'];

/** `status` says that the former master may be right, and its successor is not. */
function goesBack(world: World, run: CliResult): boolean {
  const at = world.at(world.cast.master);
  return problemsOf(run).some((remedy) =>
    remedy.includes(`if ${at} is right, make it the master in the topology file`),
  );
}

const statusArgs = ['status', '--json', '--wait-for', 'healthy', '--timeout', '6s'];

/** The old master leads by itself, and what it has lost is a person's to judge: the change is taken back. */
async function undoing(world: World, run: CliResult): Promise<string[] | null> {
  const [, id] = /rtopo switchover abort ([\dA-Z]+)/.exec(errorOf(run)?.remedy ?? '') ?? [];
  if (run.status !== 4 || id === undefined || (await roleOf(world.cast.master)) !== 'master') return null;
  return ['switchover', 'abort', id, '--yes', '--json'];
}

/** A lock travels with the data, and ends with its lease: for a server that leads by itself that has to be waited for. Here it comes at once. */
async function endLeases(world: World): Promise<void> {
  for (const server of world.servers.filter((one) => isUp(world, one))) {
    const left = Number(await server.raw.cmd('PTTL', '__rtopo:lock'));
    assert.ok(left === -2 || (left >= 0 && left <= 60_000), `the lock on ${server.name} has ${left} ms to live`);
    if ((await roleOf(server)) === 'master') await server.raw.cmd('DEL', '__rtopo:lock');
  }
}

/** Told to look first, one does. */
function isToLook(run: CliResult): boolean {
  const remedy = errorOf(run)?.remedy ?? '';
  return remedy.startsWith('rtopo status') && !remedy.includes('rtopo replicate');
}

/** A master that is not dead is not succeeded: all is as it was. */
const isAliveAgain = ({course}: World, run: CliResult): boolean =>
  course === 'dead' && ['MASTER_ALIVE', 'MASTER_NOT_PROVED_DEAD'].includes(errorOf(run)?.code ?? '');

/** The command that a failure or a report of `status` prints; where it prints none, the same command again. */
export function printed(world: World, run: CliResult, last: readonly string[] = argsOf(world)): string[] {
  const remedies = [errorOf(run)?.remedy ?? '', ...problemsOf(run)];
  const found = remedies.flatMap((text) => [
    ...text.matchAll(/rtopo (switchover resume [\dA-Z]+|replicate(?: --discard-data \S+)*)(?! --dry-run)/g),
  ]);
  const resume = found.find(([, command]) => command!.startsWith('switchover resume'));
  const [, command] = resume ?? found.find(([, one]) => one!.includes('--discard-data')) ?? found[0] ?? [];
  if (remedies[0]!.includes('leave --to away'))
    return argsOf(world).filter((one, i, all) => one !== '--to' && all[i - 1] !== '--to');
  const consents = [...(remedies[0] ?? '').matchAll(/--discard-data \S+/g)].map(([text]) => text);
  // Repeated with what was named before, and with what is named now.
  if (command === undefined) return [...last, ...consents.flatMap((text) => text.split(' '))];
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

/** A consent is given only for what others hold at this moment; what is on its way to them is waited for. */
async function assertExpendable(world: World, command: readonly string[], heard: string): Promise<void> {
  const named = command.filter((_, i) => command[i - 1] === '--discard-data');
  for (const address of named) {
    let only: string[] = [];
    const isKept = async (): Promise<boolean> => {
      const now = [...(await heldBy(world))];
      const kept = unionOf(new Map(now.filter(([server]) => world.at(server) !== address)));
      const own = now.filter(([server]) => world.at(server) === address).flatMap(([, keys]) => [...keys]);
      only = own.filter((key) => !kept.has(key));
      return only.length === 0;
    };
    await until('others to hold it too', isKept, 4000).catch(() => undefined);
    assert.equal(only, [], `${heard}: it asks to discard what only ${address} holds`);
  }
}
