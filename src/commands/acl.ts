import {Args} from '@oclif/core';
import {aclFlags} from '../cli/acl-flags.js';
import {BaseCommand} from '../cli/base.js';
import {didYouMean, usageError} from '../errors.js';
import {permissionOf, permissions, REPLICATION_COMMANDS, rulesOf, userLine} from '../redis/permissions.js';
import {renderAcl} from '../render/acl.js';
import type {AclReport} from '../report/acl.js';

const names = permissions.map(({command}) => command);

export default class Acl extends BaseCommand {
  static override summary = 'The least that a server must permit for a command.';
  static override description =
    `Prints the ACL lines for the login of rtopo and, where the command makes replicas, for the login of replicas (replicationAuth). Asks no server. For Redis 7.0 and Valkey; Redis 6 knows no %R~, where ~ takes its place.\n` +
    `COMMAND is one of: ${names.join(', ')}.`;
  static override examples = [
    '<%= config.bin %> <%= command.id %> status',
    '<%= config.bin %> <%= command.id %> replicate --user ops --replication-user repl',
    "<%= config.bin %> <%= command.id %> rebalance plan --prefix 'user:*' --json",
  ];
  static override args = {
    command: Args.string({description: 'the command of rtopo', required: true}),
    verb: Args.string({description: 'its second word: plan, resume, … of a rebalance'}),
  };
  static override flags = aclFlags;

  async run(): Promise<AclReport> {
    const {args, flags} = await this.parse(Acl);
    const command = args.verb === undefined ? args.command : `${args.command} ${args.verb}`;
    const permission = permissionOf(command);
    if (permission === null) throw unknown(command);
    const user = (name: string, who: 'rtopo' | 'replicas', rules: readonly string[]) => {
      return {user: name, for: who, rules, line: userLine(name, rules)};
    };
    const options = {prefixes: flags.prefix, version: flags['server-version'] ?? ([7, 0] as const)};
    const own = user(flags.user ?? 'rtopo', 'rtopo', rulesOf(permission, options));
    const link = ['-@all', ...REPLICATION_COMMANDS.map((name) => `+${name}`)];
    const replicas = permission.commands.includes('replicaof')
      ? [user(flags['replication-user'] ?? 'repl', 'replicas', link)]
      : [];
    this.say('on every server; put the secret in the place of SECRET, and keep it: ACL SAVE, or CONFIG REWRITE');
    return this.present({command: permission.command, users: [own, ...replicas]}, renderAcl);
  }
}

function unknown(command: string) {
  const meant = didYouMean(command, names);
  return usageError({
    message: `rtopo has no command '${command}' that asks servers.${meant === null ? '' : ` Did you mean '${meant}'?`}`,
    remedy: `rtopo acl ${meant ?? 'replicate'}`,
  });
}
