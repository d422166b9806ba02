import {Args} from '@oclif/core';
import {DEFAULT_TIMEOUT_MS} from '../cli/base.js';
import {answerBatches, answerKeys, KeyPass} from '../cli/key-pass.js';
import {keyArguments, lossyArguments} from '../cli/keys.js';
import {LocateCommand, locateFlags, locateHelp} from '../cli/locating.js';
import {escapedBytes} from '../placement/explain.js';
import {placementOf} from '../placement/schemes.js';
import {checkedAnswer, renderApart, renderElsewhere, streamAnswer} from '../render/locate.js';
import {comparedKeys} from '../report/compare.js';
import {KeyGroups, type Locating, locateKeys} from '../report/locate.js';
import {currentTopology} from '../topology/current.js';
import {loadTopology} from '../topology/load.js';
import {addressText} from '../topology/types.js';

export default class Locate extends LocateCommand {
  static override summary = 'Which shard owns a key, exactly as the clients decide it.';
  static override description = locateHelp.description;
  static override usage = locateHelp.usage;
  static override examples = locateHelp.examples;
  static override args = {keys: Args.string({multiple: true, ignoreStdin: true, description: 'keys, or - alone'})};
  static override flags = locateFlags;

  async run(): Promise<object | undefined> {
    const {args, flags} = await this.parse(Locate);
    const words = args.keys ?? [];
    const isSurvey = words.length === 0 && (flags.balance || flags.to !== undefined);
    const keys = isSurvey ? [] : keyArguments('rtopo locate', words, flags);
    this.streams = keys === null;
    // Standard input holds the keys, or the topology: not both.
    const own = {file: flags.topology, env: process.env, cwd: process.cwd()};
    const {topology, check} = keys === null ? await loadTopology(own) : await currentTopology(flags.topology);
    const from = check(placementOf);
    for (const text of [...from.warnings, ...lossyArguments(words)]) this.warning(text);
    const timeoutMs = flags.timeout ?? DEFAULT_TIMEOUT_MS;
    const to = flags.to === undefined ? null : (await loadTopology({...own, file: flags.to})).check(placementOf);
    const form = {json: this.jsonEnabled(), terminal: process.stdout.isTTY === true, escaped: escapedBytes};
    // Only they need tables and servers: a script that asks for one key should not pay for that.
    const compare = isSurvey || to !== null ? await import('../render/compare.js') : null;
    if (isSurvey && compare !== null) {
      const {surveyBalance, surveyMovement} = await import('../migration/survey.js');
      const survey = {topology, live: flags.live, count: flags.sample ?? 100_000, timeoutMs};
      if (to !== null) return this.present(await surveyMovement(survey, {from, to}), compare.renderCompare);
      return this.present(await surveyBalance(survey, from), compare.renderBalance);
    }
    if (to !== null && compare !== null) {
      if (keys === null) return void (await answerKeys(new KeyPass(flags, compare.comparedAnswer({from, to}, form))));
      return this.present(comparedKeys(keys, {from, to}), compare.renderComparedKeys(words, form.terminal));
    }
    const groups = new KeyGroups(from.shards, escapedBytes);
    const placement = flags['same-shard'] ? groups.watch(from) : from;
    const addresses = topology.shards.map(({master}) => addressText(master.address));
    const options = {placement, addresses, explain: flags.explain};
    if (flags.check) {
      const {checkKeys} = await import('../migration/check-keys.js');
      const stream = (of: Locating) => answerBatches(flags, checkedAnswer(of, form)).then(() => []);
      const found = await checkKeys({topology, timeoutMs, options}, (of) => (keys === null ? stream(of) : of(keys)));
      for (const text of renderElsewhere(found)) this.attention(text, found.elsewhere > 0);
      return keys === null ? undefined : this.list(found.located, words);
    }
    if (keys === null) await answerKeys(new KeyPass(flags, streamAnswer(options, form)));
    const report = keys === null ? undefined : await this.list(locateKeys(keys, options).keys, words);
    if (groups.list.length > 1) this.attention(renderApart(groups.list, from));
    return report;
  }
}
