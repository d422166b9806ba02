import {BaseCommand, DEFAULT_TIMEOUT_MS} from '../cli/base.js';
import {confirm} from '../cli/confirm.js';
import {duration, stateDir} from '../cli/flags.js';
import {assertConsentsAlone, replicateFlags} from '../cli/replicating.js';
import {renderReplicate} from '../render/replicate.js';
import type {ReplicateReport} from '../report/replicate.js';
import {parseAddress} from '../topology/address.js';

/** Fresh replicas of a diskless master wait five seconds before anything happens, and then a data set travels. */
const LINK_TIMEOUT_MS = 60_000;

export default class Replicate extends BaseCommand {
  static override summary = 'Make the live servers match the declared replication.';
  static override description =
    'Observes, plans, asks, applies and verifies: REPLICAOF where it is needed, logins first, parents before children, then priorities and the replicas that writes need; all persisted. ' +
    'Idempotent. An instance that holds keys its new master does not have is never wiped without --discard-data ADDRESS; a link that does not come up is undone.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --dry-run',
    '<%= config.bin %> <%= command.id %> --yes --json --parallel-syncs 8',
    '<%= config.bin %> <%= command.id %> --master 127.0.0.1:7000 --replica 127.0.0.1:7001 --yes',
    '<%= config.bin %> <%= command.id %> --plan-out plan.json',
    '<%= config.bin %> <%= command.id %> --apply-plan plan.json --yes',
  ];
  static override baseFlags = {
    ...BaseCommand.baseFlags,
    timeout: duration({
      description: 'limit for one answer of a server (default 5s), and for one link to come up (default 60s)',
      helpValue: '5s',
      helpGroup: 'GLOBAL',
    }),
    'state-dir': stateDir,
  };
  static override flags = replicateFlags;

  async run(): Promise<ReplicateReport> {
    const {flags} = await this.parse(Replicate);
    assertConsentsAlone(flags);
    const {declaredTopology} = await import('../topology/ad-hoc.js');
    const {Replication} = await import('../replication/replication.js');
    const {declaredBy} = await import('../replication/replicate-history.js');
    const {topology, path} = await declaredTopology({
      ...{file: flags.topology, master: flags.master, replicas: flags.replica},
    });
    const options = {
      topology,
      at: {stateDir: flags['state-dir'], declared: declaredBy(path, topology), command: this.commandLine},
      discard: (flags['discard-data'] ?? []).map((text) => parseAddress(text, '--discard-data')),
      commandTimeoutMs: flags.timeout ?? DEFAULT_TIMEOUT_MS,
      linkTimeoutMs: flags.timeout ?? LINK_TIMEOUT_MS,
      parallelSyncs: flags['parallel-syncs'],
    };
    const [saved, out] = [flags['apply-plan'], flags['plan-out']];
    const replication = await (saved === undefined ? Replication.plan(options) : Replication.saved(saved, options));
    if (out !== undefined || flags['dry-run'] || !replication.hasWork) {
      if (!replication.hasWork && out === undefined && !flags['dry-run']) replication.conclude();
      const report = out === undefined ? replication.report : await replication.save(out, this.commandLine);
      return this.present(report, renderReplicate, replication.verdict);
    }
    if (!flags.yes) this.say(renderReplicate(replication.report, this.style(process.stderr)));
    await confirm({message: 'Apply this plan?', yes: flags.yes, json: this.jsonEnabled(), command: this.commandLine});
    const {report, verdict, warnings} = await replication.apply((text) => this.say(text), this.abortSignal());
    for (const text of warnings) this.warning(text);
    return this.present(report, renderReplicate, verdict);
  }
}
