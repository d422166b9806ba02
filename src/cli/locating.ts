/** How `rtopo locate` is asked, and how it answers for keys that were given as arguments. */
import {Flags} from '@oclif/core';
import {ExitCode} from '../errors.js';
import {locateLines, locateTable} from '../render/locate.js';
import {type LocatedKey, reportOf} from '../report/locate.js';
import {StreamCommand} from './stream.js';

export const locateHelp = {
  description:
    'No server is asked, unless --check or --live wants it. ' +
    'With - the keys come on standard input, one per line, any number of them; each gets a line of key, shard and address with tabs between, or with --json an object. ' +
    'Bytes are taken as they are: an empty line is the empty key, a carriage return is part of the key. Keys that may hold line breaks are read with --null and told apart with --json. ' +
    'With --to the owners before and after a change of the topology; without a key how many keys move between which shards. ' +
    'Exit 0: answered. 2: with --same-shard, the keys are on more than one shard; with --check, a key is not on its owner alone; or the clients place a key nowhere.',
  usage: ['locate KEY... [flags]', 'locate - [flags] < KEYS', 'locate --to FILE', 'locate --balance'],
  examples: [
    '<%= config.bin %> <%= command.id %> user:42 user:43',
    "<%= config.bin %> <%= command.id %> --explain 'user:{42}:cart'",
    "<%= config.bin %> <%= command.id %> --same-shard 'user:{42}:cart' 'user:{42}:profile'",
    '<%= config.bin %> <%= command.id %> --check user:42',
    '<%= config.bin %> <%= command.id %> - < keys.txt',
    '<%= config.bin %> <%= command.id %> - --null --json < keys.bin',
    '<%= config.bin %> <%= command.id %> --to after.yml',
    '<%= config.bin %> <%= command.id %> --balance',
  ],
};

export const locateFlags = {
  'same-shard': Flags.boolean({description: 'exit 2 when the keys are on more than one shard'}),
  explain: Flags.boolean({description: 'add what decided: the hash tag rule, then hash, point, slot or range'}),
  check: Flags.boolean({description: 'ask the servers where the keys are; exit 2 when not on the owner alone'}),
  to: Flags.string({
    description: 'the topology as it shall be: who owns the keys then',
    helpValue: 'FILE',
    aliases: ['compare'],
    exclusive: ['check', 'same-shard', 'explain'],
  }),
  balance: Flags.boolean({description: 'how evenly the scheme spreads keys, as a plot', exclusive: ['to', 'check']}),
  live: Flags.boolean({description: 'with --to or --balance: a sample of the live keys instead of synthetic ones'}),
  sample: Flags.integer({description: 'with --to or --balance: how many keys', helpValue: 'N', min: 1}),
  null: Flags.boolean({description: 'with -: keys end with NUL instead of a line break'}),
  base64: Flags.boolean({description: 'keys are given in base64, each on its own, and echoed like that'}),
};

export abstract class LocateCommand extends StreamCommand {
  protected async list(located: readonly LocatedKey[], words: readonly string[]): Promise<object> {
    const report = reportOf(located);
    const {stdout} = process;
    const text = stdout.isTTY ? await locateTable(report, words, this.style(stdout)) : locateLines(report, words);
    if (located.some(({shard}) => shard === null))
      this.attention('The clients place a key on no shard: --explain says why.');
    return this.present(report, () => text, {exit: (process.exitCode as ExitCode | undefined) ?? ExitCode.ok});
  }

  /** A warning that makes exit 2; when it is not bad, talk. */
  protected attention(text: string, isBad = true): void {
    if (isBad) {
      process.exitCode = ExitCode.attention;
      this.warning(text);
    } else this.say(text);
  }
}
