/** Starts oclif, and catches what happens outside of every command: an unknown command, a closed pipe, a bug. */
import {Config, run} from '@oclif/core';
import {didYouMean} from '../errors.js';
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

/** An unknown command, with the one that was probably meant. */
async function explained(error: unknown, argv: string[], entry: string): Promise<Failure> {
  const failure = failureOf(error);
  if (failure.code !== 'USAGE') return failure;
  const word = argv[0] ?? '';
  const config = await Config.load(entry);
  const meant = didYouMean(word, new Set(config.commandIDs.map((id) => id.split(':')[0]!)));
  return {
    ...failure,
    message: `There is no command '${word}'.${meant === null ? '' : ` Did you mean '${meant}'?`}`,
    remedy: meant === null ? 'rtopo --help' : `rtopo ${[meant, ...argv.slice(1)].join(' ')}`,
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
