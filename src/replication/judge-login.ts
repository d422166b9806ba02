/** Pure: does the login, or TLS, keep a replica out? Judged by what the parent said to rtopo, and by what the replica is set to use. */
import {escapeText} from '../errors.js';
import type {Finding} from '../report/finding.js';
import {addressText, type Instance} from '../topology/types.js';
import type {LinkProbe} from './probes.js';
import {redisCli} from './redis-cli.js';
import {type Answered, problem} from './subject.js';

/** So many refusals within a tenth of a second are a replica that tries again and again, and not rtopo itself. */
const KNOCKING = 10;

/** Null: nothing speaks against the login. */
export function judgeLogin(subject: Answered, parent: Instance, probe: LinkProbe): Finding | null {
  const at = addressText(subject.node.instance.address);
  const of = addressText(parent.address);
  const found = (code: string, message: string, remedy: string): Finding => problem(subject, code, message, remedy);
  const {login, own, open, knocks} = probe;
  if (isTlsOnOneSide(subject, parent, probe)) {
    const set = parent.tls === null ? 'no' : 'yes';
    return found(
      'LINK_TLS',
      `${at} dials ${of} ${own.tls ? 'with TLS, and that port speaks none' : 'without TLS, and that port speaks nothing else'} (tls-replication ${own.tls ? 'yes' : 'no'}).`,
      redisCli(subject.node.instance, `CONFIG SET tls-replication ${set}`),
    );
  }
  if (login?.fault?.code === 'MAX_CLIENTS') {
    return found(
      'LINK_MAX_CLIENTS',
      `${of} has no room for ${at}: its limit of connections is reached.`,
      redisCli(parent, 'CONFIG SET maxclients 20000'),
    );
  }
  if (login?.fault?.code === 'AUTH_FAILED') {
    return found(
      'LINK_AUTH',
      `${of} refuses the login that replicas are declared to use, as user ${login.user}: ${login.fault.message}`,
      'mend the user name or the secret under `replicationAuth:` (default: `auth:`) in the topology file, then: rtopo replicate',
    );
  }
  if (login !== null && login.denied !== null) {
    return found(
      'LINK_NO_PERMISSION',
      `${at} cannot replicate from ${of}: user ${login.user} may not run ${escapeText(login.denied)} there.`,
      redisCli(parent, `ACL SETUSER ${login.user} +psync +replconf +ping`),
    );
  }
  const mismatch = ownLoginIsWrong(probe);
  if (mismatch !== null) {
    return found('LINK_AUTH', `${of} does not let ${at} in: ${mismatch}.`, remedyFor(probe));
  }
  if (knocks !== null && knocks.count >= KNOCKING && open === false) {
    const user = own.user === null ? '' : ` as user ${escapeText(own.user)}`;
    return found(
      'LINK_AUTH',
      `${of} refuses one login after the other (${knocks.code}, ${knocks.count} times while rtopo looked on), as those of ${at}${user} would be.`,
      remedyFor(probe),
    );
  }
  return null;
}

/** With a declared login rtopo can set it; without one somebody must say which it is. */
function remedyFor({login}: LinkProbe): string {
  return login === null
    ? 'declare `replicationAuth:` in the topology file, with passwordEnv, passwordFile or passwordCommand, then: rtopo replicate'
    : 'rtopo replicate';
}

/** Only where the replica dials the very port that is declared: another port may be of another kind. */
function isTlsOnOneSide({facts}: Answered, parent: Instance, {own}: LinkProbe): boolean {
  if (own.tls === null || facts.role.kind !== 'replica' || facts.role.port !== parent.address.port) return false;
  return own.tls !== (parent.tls !== null);
}

function ownLoginIsWrong({login, own, open}: LinkProbe): string | null {
  if (own.password === null) return null;
  if (open === true && login === null) {
    return own.password === 'none' ? null : 'it has a masterauth, and that server asks for no login';
  }
  if (own.password === 'none')
    return open === false ? 'that server wants a login, and it has none (masterauth is empty)' : null;
  if (login === null) return null;
  const user = own.user ?? login.user;
  if (user !== login.user) return `it logs in as user ${escapeText(user)}, declared is ${login.user}`;
  return own.password === 'another'
    ? `it logs in as user ${escapeText(user)} with another password than the declared one`
    : null;
}
