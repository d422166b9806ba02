import {Flags} from '@oclif/core';
import {BaseCommand, DEFAULT_TIMEOUT_MS} from '../cli/base.js';
import {ProgressLine} from '../cli/progress.js';
import {ExitCode} from '../errors.js';
import {placementOf} from '../placement/schemes.js';
import {renderDetect} from '../render/detect.js';
import {renderVerify} from '../render/verify.js';
import type {DetectReport} from '../report/detect.js';
import type {VerifyReport} from '../report/verify.js';
import {currentTopology} from '../topology/current.js';

export default class Verify extends BaseCommand {
  static override summary = 'Prove that every key is on the shard that owns it, once.';
  static override description =
    'Reads the names of all keys on all masters, in all databases, and compares each with the placement. Changes nothing. ' +
    'With --sample only so many keys, taken by chance. With --detect no key is judged: it finds the scheme whose clients would have put a sample of the live keys where they are. ' +
    'Exit 0: all in place, or the declared scheme is the one that fits. 2: misplaced or duplicate keys, with counts and examples; or another scheme fits, or none.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --json',
    '<%= config.bin %> <%= command.id %> --sample 10000',
    '<%= config.bin %> <%= command.id %> --detect --topology prod.yml',
  ];
  static override flags = {
    sample: Flags.integer({description: 'judge so many keys only, taken by chance', helpValue: 'N', min: 1}),
    detect: Flags.boolean({description: 'find the placement scheme that fits the live keys'}),
  };

  async run(): Promise<VerifyReport | DetectReport> {
    const {flags} = await this.parse(Verify);
    const source = await currentTopology(flags.topology);
    const timeoutMs = flags.timeout ?? DEFAULT_TIMEOUT_MS;
    const line = new ProgressLine(process.stderr, this.jsonEnabled());
    if (flags.detect) {
      const {detectScheme} = await import('../migration/detect.js');
      const say = (text: string): void => line.show(text);
      const detecting = detectScheme({topology: source.topology, perShard: flags.sample ?? 2000, timeoutMs, say});
      const report = await detecting.finally(() => line.clear());
      return this.present(report, renderDetect, {
        exit: report.verdict === 'declared' ? ExitCode.ok : ExitCode.attention,
      });
    }
    const placement = source.check(placementOf);
    for (const text of placement.warnings) this.warning(text);
    const {verifyPlacement} = await import('../migration/verify.js');
    const report = await verifyPlacement({
      ...{topology: source.topology, placement, retired: [], timeoutMs},
      ...(flags.sample === undefined ? {} : {sample: flags.sample}),
      onProgress: (keys) => line.show(`${keys.toLocaleString('en-US')} keys checked`),
    }).finally(() => line.clear());
    return this.present(report, renderVerify, {exit: report.misplaced === 0 ? ExitCode.ok : ExitCode.attention});
  }
}
