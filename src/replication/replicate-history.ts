/** The runs of `rtopo replicate` that did not come to their end: which there are, who is still at work, and how they are told. */
import {existsSync, readdirSync} from 'node:fs';
import {join} from 'node:path';
import {isAlive} from '../journal/lock.js';
import {peekLast} from '../journal/reading.js';
import {type Declared, isOperationId, stateRoot, topologyStateDir, topologyStatePath} from '../journal/state.js';
import {addressText, allInstances, type Topology} from '../topology/types.js';
import type {UnfinishedRun} from './judge-unfinished.js';
import {type Order, type ReplicateRecord, type ReplicateTold, readRun} from './replicate-record.js';

/** Where the journals are, and what a printed command must repeat. */
export interface RunsAt {
  readonly stateDir: string | undefined;
  readonly declared: Declared;
  /** The command as it was typed: given again it finishes what it began. */
  readonly command: string;
}

/** By the topology file, or where there is none by all addresses. */
export function declaredBy(path: string | null, topology: Topology): Declared {
  return path ?? allInstances(topology).map(({instance}) => addressText(instance.address));
}

export function runsDir({stateDir, declared}: RunsAt): string {
  return topologyStateDir(stateRoot(stateDir, process.env), declared, 'replication');
}

/** Newest first. Reads only: a folder that is not there holds nothing. Of a run that has ended only the end is read. */
export function unfinishedRuns({stateDir, declared}: Omit<RunsAt, 'command'>): readonly ReplicateTold[] {
  const dir = topologyStatePath(stateRoot(stateDir, process.env), declared, 'replication');
  if (!existsSync(dir)) return [];
  const names = readdirSync(dir).filter((name) => name.endsWith('.jsonl') && isOperationId(name.slice(0, -6)));
  return names
    .sort()
    .reverse()
    .map((name) => join(dir, name))
    .filter((path) => peekLast<ReplicateRecord>(path)?.type !== 'end')
    .flatMap((path) => {
      const told = readRun(path);
      return told === null || told.end !== null ? [] : [told];
    });
}

/** Some process has its number, on this host. One that lives elsewhere, or whose number was given again, shows by its lock alone. */
export function isAtWork({process: other}: ReplicateTold): boolean {
  return other !== null && other.pid !== process.pid && isAlive(other) === true;
}

/** As it is told, to whoever asks how things stand. */
export function unfinishedRun(told: ReplicateTold, otherwise: string): UnfinishedRun {
  const {id, startedMs, process: other, ordered, owed} = told;
  return {
    ...{id, startedMs, process: other, isAtWork: isAtWork(told), command: other?.command ?? otherwise},
    ordered: [...new Set(ordered.map(orderText))],
    owed: [...new Set(owed.map(({instance}) => instance))],
  };
}

function orderText({instance, what, target}: Order): string {
  switch (what) {
    case 'replicate-from':
      return `${instance} → replica of ${target}`;
    case 'promote':
      return `${instance} → master`;
    case 'set-auth':
      return `the login of ${instance}`;
    case 'set-config':
      return `the settings of ${instance}`;
    case 'persist':
      return `the config file of ${instance}`;
    case 'undo':
      return `${instance} back to its former role`;
  }
}
