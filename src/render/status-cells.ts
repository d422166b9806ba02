/** What the page of `rtopo status` says of one instance, cell by cell. */
import type {InstanceStatus} from '../report/status.js';
import type {Style} from './style.js';
import {brief, bytes, count, seconds} from './units.js';
import {clip} from './width.js';

/** A declared replica that is asked for its lag: every instance but the shard's declared master. */
export function isDeclaredReplica({expectedOf}: InstanceStatus): boolean {
  return expectedOf !== undefined;
}

export function release({server, version}: InstanceStatus): string {
  return `${server} ${version}`;
}

export function role({role: is, expectedOf}: InstanceStatus, style: Style): string {
  return (is === 'master') === (expectedOf !== undefined) ? style.bad(`${is}!`) : is;
}

/** Alive and unable to answer is not the same as down. */
export function silence({problems: [code]}: InstanceStatus): string {
  switch (code) {
    case 'BUSY':
      return 'busy';
    case 'LOADING':
      return 'loading';
    case 'AUTH_FAILED':
    case 'AUTH_REQUIRED':
    case 'NO_PERMISSION':
      return 'no login';
    default:
      return 'no answer';
  }
}

/** The state, and how long it has lasted or how far it has come. */
export function link(
  {link: state = null, linkState = null, linkSeconds = null, sync}: InstanceStatus,
  style: Style,
): string {
  const since = linkSeconds === null ? '' : ` ${brief(linkSeconds)}`;
  switch (state) {
    case null:
      return '-';
    case 'up':
      return style.good(`up${since}`);
    case 'syncing': {
      const phase = sync?.phase ?? 'syncing';
      return style.warning(sync?.percent == null ? `${phase}${since}` : `${phase} ${Math.round(sync.percent)} %`);
    }
    case 'connecting':
      return style.bad(`${linkState ?? state}${since}`);
    case 'down':
      return style.bad(`down${since}`);
  }
}

/** Bytes, and the seconds that they stand for where the rate of writing is known. */
export function lag({lagBytes = null, lagSeconds = null, problems}: InstanceStatus, style: Style): string {
  const time = lagBytes === null || lagBytes === 0 || lagSeconds === null ? '' : ` (${spellSeconds(lagSeconds)})`;
  const text = `${bytes(lagBytes)}${time}`;
  return problems.some((code) => /^LAG_/.test(code)) ? style.bad(`${text} ▲`) : text;
}

function spellSeconds(value: number): string {
  return value < 1 ? '<1 s' : brief(Math.round(value));
}

export function ack({ackSeconds = null, problems}: InstanceStatus, style: Style): string {
  const text = seconds(ackSeconds);
  return problems.includes('ACK_ABOVE_LIMIT') ? style.bad(`${text} ▲`) : text;
}

export function offset({offset: value}: InstanceStatus): string {
  return count(value);
}

export function keys({keys: value}: InstanceStatus): string {
  return count(value);
}

/** Below this part of the backlog nobody need think of it. */
const NOTABLE_SHARE = 0.1;
/** A host name that somebody made up may be 255 characters long. */
const LONGEST_NAME = 40;

/** What has no column of its own: the snapshot that travels, the backlog used, a parent that is not the declared one, codes. */
export function note(instance: InstanceStatus, style: Style): string {
  const {backlogShare = null, lagBytes = null, sync, of, expectedOf, problems} = instance;
  const parts: string[] = [];
  if (sync?.totalBytes != null) parts.push(`${bytes(sync.readBytes ?? null)} of ${bytes(sync.totalBytes)}`);
  else if (sync?.readBytes != null) parts.push(`${bytes(sync.readBytes)} read`);
  if (sync?.etaSeconds != null) parts.push(`${brief(sync.etaSeconds)} left`);
  if (backlogShare !== null && lagBytes !== null && lagBytes > 0 && backlogShare >= NOTABLE_SHARE) {
    const share = `${Math.round(backlogShare * 100)} % of backlog`;
    parts.push(backlogShare > 1 ? style.bad(share) : backlogShare > 0.5 ? style.warning(share) : share);
  }
  if (of != null && of !== expectedOf) parts.push(style.bad(`follows ${clip(of, LONGEST_NAME)}`));
  return [...parts, ...[...new Set(problems)].map((code) => style.dim(code))].join(', ');
}
