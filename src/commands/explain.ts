import {Args} from '@oclif/core';
import {BaseCommand} from '../cli/base.js';
import {didYouMean, escapeText, usageError} from '../errors.js';
import {renderExplain} from '../render/explain.js';
import {codes, topics} from '../report/codes/codes.js';
import type {ExplainReport} from '../report/explain.js';

export default class Explain extends BaseCommand {
  static override summary = 'A code of rtopo in full: what it means, why it happens, what to do.';
  static override description =
    'Every problem, refusal and failure carries a stable code. Asks no server and reads no topology file. ' +
    'Without a code: all of them, with severity and one line each. Exit 64: there is no such code.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> LINK_AUTH',
    '<%= config.bin %> <%= command.id %> two_masters --json',
    '<%= config.bin %> <%= command.id %>',
  ];
  static override args = {
    code: Args.string({description: 'the code, in any case: LINK_AUTH, link-auth'}),
  };

  async run(): Promise<ExplainReport> {
    const {args} = await this.parse(Explain);
    return this.present(args.code === undefined ? all() : one(args.code), renderExplain);
  }
}

function all(): ExplainReport {
  return {
    codes: topics.flatMap(({topic, codes: own}) =>
      Object.entries(own).map(([code, {severity, title}]) => ({code, severity, topic, title})),
    ),
  };
}

/** @throws RtopoError exit 64 when there is none of this name */
function one(typed: string): ExplainReport {
  const name = typed.toUpperCase().replaceAll('-', '_');
  const code = codes.get(name);
  if (code !== undefined) return {code: name, ...code};
  const meant = didYouMean(name, codes.keys());
  throw usageError({
    code: 'CODE_UNKNOWN',
    message: `There is no code ${escapeText(typed)}.${meant === null ? '' : ` Did you mean ${meant}?`}`,
    remedy: meant === null ? 'rtopo explain' : `rtopo explain ${meant}`,
  });
}
