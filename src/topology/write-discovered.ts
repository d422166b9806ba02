/** The topology file of what was discovered. What rtopo did not dial, or cannot know, stands in comments: a person decides about it. */
import {stringify} from 'yaml';
import {escapeText} from '../errors.js';
import type {Auth, Tls} from './types.js';

export interface WrittenInstance {
  /** `host:port`, as the rules of the file have it. */
  readonly address: string;
  readonly peer?: string | undefined;
  readonly announce?: string | undefined;
  /** Absent on a master. */
  readonly of?: string | undefined;
  /** What a person should know of it; untrusted text. */
  readonly comments: readonly string[];
}

export interface DiscoveredTopology {
  readonly name: string;
  /** Lines at the top; untrusted text. */
  readonly comments: readonly string[];
  readonly auth: Auth | null;
  readonly tls: Tls | null;
  /** Master first. */
  readonly shards: readonly {readonly name: string; readonly instances: readonly WrittenInstance[]}[];
}

const NO_PLACEMENT = [
  'Which of these shards owns a key is decided by your clients, and no server knows it. This is a guess: put the scheme of your',
  'clients here (docs/schemes.md), or find it by the live keys: rtopo verify --detect. Names of shards are part of many schemes.',
];

export function discoveredText({name, comments, auth, tls, shards}: DiscoveredTopology): string {
  return [
    ...comments.map((text) => comment(text, '')),
    'version: 1',
    `name: ${name}`,
    ...(auth === null ? [] : [`auth: ${flow(authEntry(auth))}`]),
    ...(tls === null ? [] : [`tls: ${flow(tlsEntry(tls))}`]),
    ...(shards.length < 2 ? [] : [...NO_PLACEMENT.map((text) => comment(text, '')), 'placement: {scheme: ketama}']),
    'shards:',
    ...shards.flatMap(shardLines),
    '',
  ].join('\n');
}

function shardLines({name, instances: [master, ...replicas]}: DiscoveredTopology['shards'][number]): string[] {
  return [
    `  - name: ${name}`,
    ...master!.comments.map((text) => comment(text, '    ')),
    `    master: ${entry(master!, null)}`,
    ...(replicas.length === 0 ? [] : ['    replicas:']),
    ...replicas.flatMap((replica) => [
      ...replica.comments.map((text) => comment(text, '      ')),
      `      - ${entry(replica, master!.address)}`,
    ]),
  ];
}

/** The short form where the address says it all. */
function entry({address, peer, announce, of}: WrittenInstance, master: string | null): string {
  const more = {
    ...(peer === undefined ? {} : {peer}),
    ...(announce === undefined ? {} : {announce}),
    ...(of === undefined || of === master ? {} : {of}),
  };
  return flow(Object.keys(more).length === 0 ? address : {address, ...more});
}

function authEntry({username, password}: Auth): Record<string, string> {
  const user = username === null ? {} : {username};
  switch (password.from) {
    case 'env':
      return {...user, passwordEnv: password.name};
    case 'file':
      return {...user, passwordFile: password.path};
    case 'command':
      return {...user, passwordCommand: password.command};
  }
}

function tlsEntry(tls: Tls): Record<string, string> {
  return Object.fromEntries(Object.entries(tls).filter((pair): pair is [string, string] => pair[1] !== null));
}

function flow(value: unknown): string {
  return stringify(value, {
    collectionStyle: 'flow',
    lineWidth: 0,
    defaultStringType: 'PLAIN',
    flowCollectionPadding: false,
  }).trim();
}

/** One line, whatever is in it. */
function comment(text: string, indent: string): string {
  return `${indent}# ${escapeText(text)}`;
}
