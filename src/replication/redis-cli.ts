/** The `redis-cli` command line for an instance, as its operator would type it: for remedies, never run by rtopo. */
import {dialFlags, type Instance} from '../topology/types.js';

export function redisCli({address, tls, auth}: Instance, command: string): string {
  const login = auth === null ? '' : `${auth.username === null ? '' : ` --user ${auth.username}`} --askpass`;
  const files = [
    ['--cacert', tls?.ca],
    ['--cert', tls?.cert],
    ['--key', tls?.key],
    ['--sni', tls?.serverName],
  ].flatMap(([flag, value]) => (value ? [` ${flag} ${value}`] : []));
  return `redis-cli ${dialFlags(address)}${login}${tls === null ? '' : ` --tls${files.join('')}`} ${command}`;
}
