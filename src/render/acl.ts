/** `rtopo acl`: the lines themselves and nothing else, so that they can be piped. */
import type {AclReport} from '../report/acl.js';

export function renderAcl({users}: AclReport): string {
  return users.map(({line}) => `${line}\n`).join('');
}
