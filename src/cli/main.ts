/** Starts oclif, and catches what happens outside of every command: an unknown command, a closed pipe, a bug. */
import {Config, run} from '@oclif/core';
import {didYouMean, escapeText} from '../errors.js';
import {createStyle} from '../render/style.js';
import {writeOut} from './base.js';
import {type Failure, failureOf, renderFailure} from './failure.js';

export async function main(argv: string[], entry: string): Promise<void> {
  // `rtopo … | head` closes the pipe early: that is the reader's good right, not an error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0);
    throw error;
  });
  process.on('uncaughtException', (error) => fail(failureOf(error), argv, true));
  process.on('unhandledRejection', (error) => fail(failureOf(error), argv, true));
  try {
    await run(argv, entry);
  } catch (error) {
    fail(await explained(error, argv, entry), argv, false);
  }
}

/** An unknown command, with the one that was probably meant: `rebalence`, and `rebalance resum` too. */
async function explained(error: unknown, argv: string[], entry: string): Promise<Failure> {
  const failure = failureOf(error);
  if (failure.code !== 'USAGE') return failure;
  const config = await Config.load(entry);
  const commands = config.commandIDs.map((id) => id.split(':'));
  const depth = commands.some(([first]) => first === argv[0]) ? 2 : 1;
  const typed = argv.slice(0, depth).join(' ');
  const known = new Set(
    commands.filter(([first]) => depth === 1 || first === argv[0]).map((words) => words.slice(0, depth).join(' ')),
  );
  const meant = didYouMean(typed, known);
  return {
    ...failure,
    message: `There is no command '${escapeText(typed)}'.${meant === null ? '' : ` Did you mean '${meant}'?`}`,
    remedy: meant === null ? 'rtopo --help' : `rtopo ${[meant, ...argv.slice(depth)].join(' ')}`,
  };
}

function fail(failure: Failure, argv: readonly string[], now: boolean): void {
  const {exit, code, message, remedy} = failure;
  if (argv.includes('--json')) {
    const error = {code, message, ...(remedy === null ? {} : {remedy})};
    writeOut(
      process.stdout,
      `${JSON.stringify({ok: false, schema: 1, command: argv[0] ?? '', warnings: [], error}, null, 2)}\n`,
    );
  } else {
    const color = process.stderr.isTTY === true && !process.env.NO_COLOR;
    writeOut(process.stderr, renderFailure(failure, createStyle(color, 80)));
  }
  process.exitCode = exit;
  if (now) process.exit(exit);
}
