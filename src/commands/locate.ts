import {Args, Flags} from '@oclif/core';
import {answerKeys, KeyPass} from '../cli/key-pass.js';
import {type KeyFormat, keyArguments, lossyArguments} from '../cli/keys.js';
import {StreamCommand} from '../cli/stream.js';
import {ExitCode} from '../errors.js';
import {escapedBytes} from '../placement/explain.js';
import {placementOf} from '../placement/schemes.js';
import {locateLines, locateTable, renderApart, streamAnswer} from '../render/locate.js';
import {KeyGroups, type LocateOptions, type LocateReport, locateKeys} from '../report/locate.js';
import {currentTopology} from '../topology/current.js';
import {loadTopology} from '../topology/load.js';
import {addressText} from '../topology/types.js';

export default class Locate extends StreamCommand {
  static override summary = 'Which shard owns a key, exactly as the clients decide it. No server is asked.';
  static override description =
    'With - the keys come on standard input, one per line, any number of them; each gets a line of key, shard and address with tabs between, or with --json an object. ' +
    'Bytes are taken as they are: an empty line is the empty key, a carriage return is part of the key. Keys that may hold line breaks are read with --null and told apart with --json. ' +
    'Exit 0: answered. 2: with --same-shard, the keys are on more than one shard.';
  static override usage = ['locate KEY... [flags]', 'locate - [flags] < KEYS'];
  static override examples = [
    '<%= config.bin %> <%= command.id %> user:42 user:43',
    "<%= config.bin %> <%= command.id %> --explain 'user:{42}:cart'",
    "<%= config.bin %> <%= command.id %> --same-shard 'user:{42}:cart' 'user:{42}:profile'",
    '<%= config.bin %> <%= command.id %> - < keys.txt',
    '<%= config.bin %> <%= command.id %> - --null --json < keys.bin',
  ];
  static override args = {keys: Args.string({multiple: true, ignoreStdin: true, description: 'keys, or - alone'})};
  static override flags = {
    'same-shard': Flags.boolean({description: 'exit 2 when the keys are on more than one shard'}),
    explain: Flags.boolean({description: 'add what decided: the hash tag rule, then hash, point, slot or range'}),
    null: Flags.boolean({description: 'with -: keys end with NUL instead of a line break'}),
    base64: Flags.boolean({description: 'keys are given in base64, each on its own, and echoed like that'}),
  };

  async run(): Promise<LocateReport | undefined> {
    const {args, flags} = await this.parse(Locate);
    const words = args.keys ?? [];
    const keys = keyArguments('rtopo locate', words, flags);
    this.streams = keys === null;
    // Standard input holds the keys, or the topology: not both.
    const own = {file: flags.topology, env: process.env, cwd: process.cwd()};
    const source = keys === null ? await loadTopology(own) : await currentTopology(flags.topology);
    const placement = source.check(placementOf);
    for (const text of [...placement.warnings, ...lossyArguments(words)]) this.warning(text);
    const addresses = source.topology.shards.map(({master}) => addressText(master.address));
    const groups = new KeyGroups(placement.shards, escapedBytes);
    const watched = flags['same-shard'] ? groups.watch(placement) : placement;
    const options = {placement: watched, addresses, explain: flags.explain};
    const report = keys === null ? await this.stream(options, flags) : await this.list(keys, words, options);
    if (groups.list.length > 1) {
      this.warning(renderApart(groups.list, placement.tagRule));
      process.exitCode = ExitCode.attention;
    }
    return report;
  }

  private async list(keys: readonly Buffer[], words: readonly string[], options: LocateOptions): Promise<LocateReport> {
    const report = locateKeys(keys, options);
    const {stdout} = process;
    const text = stdout.isTTY ? await locateTable(report, words, this.style(stdout)) : locateLines(report, words);
    return this.present(report, () => text);
  }

  private async stream(options: LocateOptions, format: KeyFormat): Promise<undefined> {
    const form = {json: this.jsonEnabled(), terminal: process.stdout.isTTY === true, escaped: escapedBytes};
    await answerKeys(new KeyPass(format, streamAnswer(options, form)));
  }
}
