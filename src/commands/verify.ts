import {BaseCommand, DEFAULT_TIMEOUT_MS} from '../cli/base.js';
import {ProgressLine} from '../cli/progress.js';
import {ExitCode} from '../errors.js';
import {placementOf} from '../placement/schemes.js';
import {renderVerify} from '../render/verify.js';
import type {VerifyReport} from '../report/verify.js';
import {currentTopology} from '../topology/current.js';

export default class Verify extends BaseCommand {
  static override summary = 'Prove that every key is on the shard that owns it, once.';
  static override description =
    'Reads the names of all keys on all masters, in all databases, and compares each with the placement. Changes nothing. ' +
    'Exit 0: all in place. 2: misplaced or duplicate keys, with counts and examples.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --json',
    '<%= config.bin %> <%= command.id %> --topology after.yml',
  ];

  async run(): Promise<VerifyReport> {
    const {flags} = await this.parse(Verify);
    const source = await currentTopology(flags.topology);
    const placement = source.check(placementOf);
    for (const text of placement.warnings) this.warning(text);
    const {verifyPlacement} = await import('../migration/verify.js');
    const line = new ProgressLine(process.stderr, this.jsonEnabled());
    const report = await verifyPlacement({
      topology: source.topology,
      placement,
      retired: [],
      timeoutMs: flags.timeout ?? DEFAULT_TIMEOUT_MS,
      onProgress: (keys) => line.show(`${keys.toLocaleString('en-US')} keys checked`),
    }).finally(() => line.clear());
    return this.present(report, renderVerify, {exit: report.misplaced === 0 ? ExitCode.ok : ExitCode.attention});
  }
}
