/**
 * Did anybody write to the sources while their keys were copied? Readings of each source before and after, and where the servers still have it, the backlog
 * in between, which names the keys. Only keys that move away are of concern: a write to one that stays gets lost nowhere.
 */
import {ExitCode, escapeText, RtopoError} from '../errors.js';
import {LOCK_KEY, RESERVED_PREFIX} from '../journal/lock.js';
import {NO_OWNER} from '../placement/placement.js';
import {type CommandTable, readCommandTable} from '../redis/commands.js';
import {type Connection, endpointOf, withConnection} from '../redis/connect.js';
import {type Info, parseInfo} from '../redis/info.js';
import {type BacklogReplay, readBacklog} from '../redis/resp/tap.js';
import {undeadCopies} from './deletions.js';
import {judgeEvidence, type NodeKey, type WritersVerdict} from './judge-writers.js';
import type {Node} from './nodes.js';
import {abortCommand, type Operation, resumeCommand} from './operation.js';
import type {Change} from './plan.js';
import {type OwnCounts, type Readings, readingOf, unknownCommands} from './readings.js';
import type {Writers} from './records.js';

/** Names kept in memory, of all sources together. */
const MAX_KEYS = 10_000;

/** Takes a reading of every server that gives keys away. What lands elsewhere cannot get lost by this move. */
export async function readWriters(operation: Operation): Promise<Readings> {
  return Promise.all(
    sourcesOf(operation).map((node) =>
      withConnection(endpointOf(node.instance), operation.timeoutMs, async (connection) => {
        const {info, own} = await readBetweenRenewals(operation, node, connection);
        return readingOf(node.at, info, {commands: await describeUnknown(connection, info), own});
      }),
    ),
  );
}

/** The verdict of the counters alone. */
export function judgeWriters(before: Readings, after: Readings): Writers {
  return judgeEvidence({before, after, replays: new Map(), hasExpired: null}).verdict;
}

/**
 * The verdict, with the backlogs replayed and the keys named. To be called while the copies of deleted keys are still where they were made.
 * @param before may come from the journal of an earlier process
 */
export async function proveWriters(operation: Operation, before: Readings, after: Readings): Promise<WritersVerdict> {
  const replays = await replayBacklogs(operation, before, after);
  const deleted: NodeKey[] = [];
  for (const [node, replay] of replays) {
    if (replay.kind === 'replayed') for (const key of replay.deleted) deleted.push({node, ...key});
  }
  const undead = new Set((await undeadCopies(operation, deleted)).map(idOf));
  return judgeEvidence({before, after, replays, hasExpired: (key) => !undead.has(idOf(key))});
}

const idOf = ({node, db, key}: NodeKey): string => `${node} ${db} ${key.toString('latin1')}`;

/** True when the new placement puts the key elsewhere than on this node; also for a key that it places nowhere, where it cannot stay. */
export function movesAway(change: Change, node: Pick<Node, 'number' | 'inTo'>): (key: Buffer) => boolean {
  return (key) => {
    const owner = change.to.placement.ownerIndex(key, 0, key.length);
    return owner === NO_OWNER ? !node.inTo : change.ownerNode[owner] !== node.number;
  };
}

function sourcesOf(operation: Operation): readonly Node[] {
  const giving = new Set(operation.matrix.map(({from}) => from));
  return operation.nodes.filter(({name}) => giving.has(name));
}

/** The counters of the server and ours of the lock have to speak of the same moment: a renewal must not fall between them. */
async function readBetweenRenewals(
  operation: Operation,
  node: Node,
  connection: Connection,
): Promise<{readonly info: Info; readonly own: OwnCounts}> {
  const {lock} = operation;
  for (;;) {
    await lock.settled();
    const own = ownCounts(operation, node);
    const info = parseInfo(String(await connection.call('INFO', ['ALL'])));
    await lock.settled();
    if (ownCounts(operation, node).sure === own.sure) return {info, own};
  }
}

/** Which of the commands that were called and are not known here write; asking for all of them would take longer than the rest. */
async function describeUnknown(connection: Connection, info: Info): Promise<CommandTable | null> {
  const names = unknownCommands(info);
  const reply = names.length === 0 ? null : await connection.attempt('COMMAND', ['INFO', ...names]);
  return reply === null ? null : readCommandTable(reply);
}

/** Renewals of the lock, each one write command; and copies, where a node both gives and gets: of these the refused ones are not counted. */
function ownCounts({lock, ownWrites}: Operation, {number, facts}: Node): OwnCounts {
  const renewals = lock.writes.get(facts.runId) ?? 0;
  const copies = ownWrites.get(number);
  return {
    session: lock.token,
    sure: renewals + (copies?.sure ?? 0),
    perhaps: copies?.perhaps ?? 0,
    calls: copies === undefined ? renewals : null,
  };
}

/** Where the offset has moved, and in one history. */
async function replayBacklogs(
  {nodes, change, timeoutMs}: Operation,
  before: Readings,
  after: Readings,
): Promise<ReadonlyMap<string, BacklogReplay>> {
  const replays = new Map<string, BacklogReplay>();
  await Promise.all(
    before.map(async (first) => {
      const second = after.find(({node}) => node === first.node);
      const node = nodes.find(({at}) => at === first.node);
      if (node === undefined || second === undefined || first.replid === null || first.replid !== second.replid) return;
      if (first.backlogFirst === null || first.offset === null || second.offset === null) return;
      if (first.offset === second.offset) return;
      const moves = movesAway(change, node);
      const replay = await readBacklog({
        ...{replid: first.replid, fromOffset: first.offset, toOffset: second.offset},
        ...{endpoint: endpointOf(node.instance), timeoutMs, maxKeys: Math.ceil(MAX_KEYS / before.length)},
        ownPrefix: Buffer.from(RESERVED_PREFIX),
        anchor: {key: Buffer.from(LOCK_KEY), db: 0},
        wanted: (_, key) => moves(key),
      });
      replays.set(node.at, replay);
    }),
  );
  return replays;
}

export function writersSeen(operation: Operation, verdict: WritersVerdict | null): RtopoError {
  const {id, file, hasCutOver} = operation;
  const touched = [...(verdict?.written ?? []), ...(verdict?.deleted ?? [])];
  const examples = touched.slice(0, 20).map(({node, db, key}) => ({node, db, keyBase64: key.toString('base64')}));
  const details = {id, resume: resumeCommand(operation), ...(verdict && {method: verdict.method, examples})};
  const fault = {code: 'WRITERS_SEEN', exit: ExitCode.incomplete, details};
  if (hasCutOver) {
    return new RtopoError({
      ...fault,
      message: `Somebody still writes to servers that do not own those keys any more. ${file} already names the new owners.`,
      remedy: `point every writer at the new topology, then: ${resumeCommand(operation)}`,
    });
  }
  return new RtopoError({
    ...fault,
    message: `Somebody writes to the servers whose keys are moving${namesOf(touched)}. Nothing was deleted and the topology file is unchanged.`,
    remedy: `stop the writers, then undo the copies and start over: ${abortCommand(operation)}`,
  });
}

function namesOf(touched: readonly NodeKey[]): string {
  if (touched.length === 0) return '';
  const names = touched.slice(0, 3).map(({key}) => escapeText(key.toString('utf8')));
  return ` (${touched.length} of these keys were touched, for example ${names.join(', ')})`;
}
