/** The only place that asks. Never without a terminal on both stdin and stderr; the question goes to stderr. */
import {ExitCode, RtopoError, refusal} from '../errors.js';

export interface Question {
  /** Asked with (y/N). */
  readonly message: string;
  /** `--yes` was given. */
  readonly yes: boolean;
  /** Under `--json` nobody is asked either: stdout has a reader that is not a person. */
  readonly json: boolean;
  /** The command that would do it without a question, for the refusal. */
  readonly command: string;
}

export function canAsk(json: boolean): boolean {
  return !json && process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/**
 * Returns when the answer is yes.
 * @throws RtopoError exit 3 `CONSENT_NEEDED` without a terminal; exit 130 `DECLINED` when the answer is no
 */
export async function confirm(question: Question): Promise<void> {
  if (question.yes) return;
  if (!canAsk(question.json)) {
    throw refusal({
      code: 'CONSENT_NEEDED',
      message: `This changes live servers, and ${question.json ? 'under --json nobody is asked' : 'there is no terminal to ask on'}. Nothing was changed.`,
      remedy: `${question.command} --yes`,
    });
  }
  const answer = await ask({type: 'confirm', name: 'go', message: question.message, default: false});
  if (answer.go !== true) throw declined();
}

/**
 * What no `y` may decide: the name of what is at stake is typed in full. Without a terminal the flag that names it is the consent.
 * @throws RtopoError exit 3 `DECLINED` when something else was typed
 */
export async function confirmTyped(question: Question & {readonly expected: string}): Promise<void> {
  if (question.yes || !canAsk(question.json)) return confirm(question);
  const {text} = await ask({
    type: 'input',
    name: 'text',
    message: `${question.message} Type ${question.expected} to go on:`,
  });
  if (String(text).trim() !== question.expected) throw declined();
}

function declined(): RtopoError {
  return new RtopoError({code: 'DECLINED', exit: ExitCode.refused, message: 'Declined. Nothing was changed.'});
}

interface Prompt {
  readonly type: 'confirm' | 'input';
  readonly name: string;
  readonly message: string;
  readonly default?: boolean;
}

async function ask(prompt: Prompt): Promise<Record<string, unknown>> {
  const {createPromptModule} = (await import('inquirer')).default;
  try {
    return await createPromptModule({output: process.stderr})([prompt as never]);
  } catch (error) {
    if ((error as Error).name !== 'ExitPromptError') throw error;
    throw new RtopoError({
      code: 'INTERRUPTED',
      exit: ExitCode.interrupted,
      message: 'Interrupted. Nothing was changed.',
    });
  }
}
