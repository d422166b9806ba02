/** What `rtopo discover` says beside the file that it prints: what has no place in it, and what would complete it. */
import {type Announced, announcement, type DiscoverReport} from '../report/discover.js';
import {describe} from './status.js';
import type {Style} from './style.js';
import {plural} from './units.js';
import {wrapped} from './wrap.js';

/** Announcements told one by one; the others are in the report. */
const MOST_TOLD = 10;

export function renderDiscovered(report: DiscoverReport, style: Style): string {
  const {shards, unreachable, homeless, announced, dialled} = report;
  const instances = shards.flatMap((shard) => shard.instances).length;
  const isWhole = unreachable.length + homeless.length + announced.length === 0;
  const sign = isWhole ? style.good('✓') : style.warning('!');
  const left = isWhole ? '; nobody announces anybody else' : '';
  return [
    ...unreachable.map((one) => describe({...one, severity: 'critical'}, style)),
    ...homeless.map(
      ({code, message}) => `${style.warning('!')} ${style.bold(code)}\n${wrapped(message, style.columns, 2)}`,
    ),
    ...announcedText(report, style),
    `${sign} ${plural(shards.length, 'shard')}, ${plural(instances, 'instance')}; ${plural(dialled, 'address', 'addresses')} asked${left}`,
  ].join('\n');
}

function announcedText({announced, announcedMore}: DiscoverReport, style: Style): string[] {
  const told = announced.slice(0, MOST_TOLD);
  const more = announced.length - told.length + announcedMore;
  const follow = announced.filter(({why}) => why === 'not-confirmed');
  return [
    ...told.map((one) => `${style.warning('!')} ${wrapped(announcement(one), style.columns, 2).trimStart()}`),
    ...(more > 0 ? [`${style.warning('!')} and ${more} more that were announced`] : []),
    ...(follow.length === 0 ? [] : [wrapped(`try: ${remedy(follow)}`, style.columns, 2)]),
  ];
}

/** Whether these hosts are yours is what nobody but you can say. */
function remedy(announced: readonly Announced[]): string {
  const hosts = [...new Set(announced.map(({address}) => address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')))];
  const flags = hosts.slice(0, 4).map((host) => `--follow ${host}`);
  return `if these are yours, name them too, or add ${flags.join(' ')}${hosts.length > 4 ? ' …' : ''} (or a network: --follow 10.0.0.0/24)`;
}
