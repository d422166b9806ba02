/** How `rtopo discover` is asked, and where its file goes. */
import {existsSync} from 'node:fs';
import {resolve} from 'node:path';
import {Flags} from '@oclif/core';
import {ExitCode, escapeText, RtopoError, usageError} from '../errors.js';
import {renderDiscovered} from '../render/discover.js';
import type {DiscoverReport} from '../report/discover.js';
import {fileExists, writeAtomically} from './atomic-file.js';
import {BaseCommand, type Verdict} from './base.js';

export const discoverHelp = {
  description:
    'Asks the instances that are named who follows whom, and prints an rtopo.yml of it on standard output. Changes nothing. ' +
    'Addresses that servers announce are told, and asked only when they are named too or lie under --follow: whoever is asked is shown the login. ' +
    'Logs in with the password in REDISCLI_AUTH, as redis-cli does. ' +
    'Exit 0: nobody announces anybody who was not asked. 2: there is more than what was asked, or an instance has no place. 5: an instance could not be asked.',
  usage: ['discover ADDRESS... [flags]'],
  examples: [
    '<%= config.bin %> <%= command.id %> 127.0.0.1:6379',
    '<%= config.bin %> <%= command.id %> 127.0.0.1:7000 127.0.0.1:7003 --follow 10.0.0.0/24',
    '<%= config.bin %> <%= command.id %> localhost:6379 --follow 127.0.0.1 --output found.yml',
  ],
};

export const discoverFlags = {
  follow: Flags.string({
    description:
      'announced addresses in this network may be asked; loopback addresses and host names one by one; may be repeated',
    helpValue: 'CIDR',
    multiple: true,
  }),
  limit: Flags.integer({description: 'addresses asked at most', helpValue: 'N', default: 256, min: 1, max: 10_000}),
  name: Flags.string({description: 'name of the topology', helpValue: 'NAME', default: 'discovered'}),
  output: Flags.string({
    char: 'o',
    description: 'write the topology to this file (default: standard output)',
    helpValue: 'FILE',
  }),
  overwrite: Flags.boolean({description: 'the file of --output may be replaced', dependsOn: ['output']}),
  username: Flags.string({description: 'ACL user to log in as', helpValue: 'USER', helpGroup: 'LOGIN'}),
  tls: Flags.boolean({description: 'connect with TLS', helpGroup: 'LOGIN'}),
  ca: tlsFile('certificate authorities to trust, PEM'),
  cert: tlsFile('client certificate, PEM'),
  key: tlsFile('its private key, PEM'),
};

function tlsFile(description: string) {
  return Flags.string({description, helpValue: 'FILE', dependsOn: ['tls'], helpGroup: 'LOGIN'});
}

const CONSENT = 'name another file, or add --overwrite';

interface Where {
  readonly output: string | undefined;
  readonly overwrite: boolean;
}

interface TlsFlags {
  readonly tls: boolean;
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

/** Paths are made whole: the file that will hold them may be written to another folder. */
export function tlsOf({tls, ca, cert, key}: TlsFlags) {
  if (!tls) return null;
  const whole = (path: string | undefined): string | null => (path === undefined ? null : resolve(path));
  return {ca: whole(ca), cert: whole(cert), key: whole(key), serverName: null};
}

/** @throws RtopoError exit 64 when it cannot stand in a topology file */
export function assertName(name: string): string {
  if (/^[a-z0-9][a-z0-9_-]{0,62}$/.test(name)) return name;
  throw usageError({
    message: `--name: '${escapeText(name.slice(0, 80))}' is not 1 to 63 of a-z, 0-9, "_" and "-", begun with a letter or digit.`,
    remedy: 'rtopo discover … --name cache',
  });
}

export abstract class DiscoverCommand extends BaseCommand {
  /** Before anybody is asked: an answer that cannot be kept is asked for in vain. @throws RtopoError exit 3 */
  protected assertFree({output, overwrite}: Where): void {
    if (output !== undefined && !overwrite && existsSync(output)) throw fileExists(output, CONSENT);
  }

  protected async hand(found: DiscoverReport, {output, overwrite}: Where): Promise<DiscoverReport> {
    const {topology} = found;
    const report = topology === null || output === undefined ? found : {...found, output};
    if (topology !== null && output !== undefined) {
      await writeAtomically({path: output, text: topology, mode: 0o644, overwrite, consent: CONSENT});
    }
    this.say(renderDiscovered(report, this.style(process.stderr)));
    const next = `Wrote ${escapeText(output ?? '')}. Look at it, then: rtopo status --topology ${escapeText(output ?? '')}\n`;
    return this.present(report, () => (report.output === null ? (topology ?? '') : next), verdictOf(report));
  }
}

function verdictOf(report: DiscoverReport): Verdict {
  const {topology, unreachable, homeless, announced} = report;
  const [silent] = unreachable;
  if (silent !== undefined) {
    const all = unreachable.map(({instance, code}) => `${instance} (${code})`).join(', ');
    const {code, remedy} = silent;
    const exit = ExitCode.unreachable;
    return {exit, error: new RtopoError({code, exit, message: `Out of reach: ${all}.`, remedy})};
  }
  if (topology === null) {
    const message = 'No master was found among the instances that were asked, so there is nothing to write down.';
    const remedy = 'name the master too, or confirm its address with --follow';
    return {
      exit: ExitCode.attention,
      error: new RtopoError({code: 'MASTER_NOT_FOUND', exit: ExitCode.attention, message, remedy}),
    };
  }
  return {exit: homeless.length + announced.length === 0 ? ExitCode.ok : ExitCode.attention};
}
