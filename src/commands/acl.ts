import {Args, Flags} from '@oclif/core';
import {BaseCommand} from '../cli/base.js';
import {didYouMean, usageError} from '../errors.js';
import {
  permissionOf,
  permissions,
  REPLICATION_COMMANDS,
  rulesOf,
  userLine,
  type Version,
} from '../redis/permissions.js';
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
  static override flags = {
    user: Flags.string({description: 'name of the login of rtopo (default rtopo)', helpValue: 'NAME'}),
    'replication-user': Flags.string({description: 'name of the login of replicas (default repl)', helpValue: 'NAME'}),
    prefix: Flags.string({
      description: 'pattern of the keys that may be reached, instead of all; may be repeated',
      helpValue: 'KEYPATTERN',
      multiple: true,
    }),
    'server-version': Flags.string({
      description: 'also what servers know from this version on, of Redis or Valkey (default 7.0)',
      helpValue: '7.4',
    }),
  };

  async run(): Promise<AclReport> {
    const {args, flags} = await this.parse(Acl);
    const command = args.verb === undefined ? args.command : `${args.command} ${args.verb}`;
    const permission = permissionOf(command);
    if (permission === null) throw unknown(command);
    const user = (name: string, who: 'rtopo' | 'replicas', rules: readonly string[]) => {
      if (!/^[^\s\u0000-\u001f\u007f-\u009f]+$/.test(name)) throw usageError({message: `A user name holds no spaces.`});
      return {user: name, for: who, rules, line: userLine(name, rules)};
    };
    const version = versionOf(flags['server-version'] ?? '7.0');
    const own = user(flags.user ?? 'rtopo', 'rtopo', rulesOf(permission, {prefixes: flags.prefix, version}));
    const link = ['-@all', ...REPLICATION_COMMANDS.map((name) => `+${name}`)];
    const replicas = permission.commands.includes('replicaof')
      ? [user(flags['replication-user'] ?? 'repl', 'replicas', link)]
      : [];
    this.say('on every server; put the secret in the place of SECRET, and keep it: ACL SAVE, or CONFIG REWRITE');
    return this.present({command: permission.command, users: [own, ...replicas]}, renderAcl);
  }
}

function versionOf(text: string): Version {
  const match = /^(\d{1,3})\.(\d{1,3})/.exec(text);
  if (match !== null) return [Number(match[1]), Number(match[2])];
  throw usageError({message: `--server-version: '${text}' is not a version.`, remedy: 'write it as 7.4'});
}

function unknown(command: string) {
  const meant = didYouMean(command, names);
  return usageError({
    message: `rtopo has no command '${command}' that asks servers.${meant === null ? '' : ` Did you mean '${meant}'?`}`,
    remedy: `rtopo acl ${meant ?? 'replicate'}`,
  });
}
