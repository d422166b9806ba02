/**
 * A tap on the replication stream: what a master has kept of its latest commands (its backlog) tells, after the fact, who was written to.
 * It asks as a replica would, and only for a piece that the master certainly still has: a replica that asks for more is sent everything, and for that the
 * server forks. It acknowledges offset 0 for ever, so that no WAIT takes it for a replica that holds the data.
 */
import {escapeText, RtopoError, redact} from '../../errors.js';
import {addressText} from '../../topology/types.js';
import {type CommandTable, readCommandTable} from '../commands.js';
import type {Endpoint} from '../connect.js';
import {infoNumber} from '../info.js';
import {type BacklogPiece, objectionTo} from './backlog.js';
import {CommandStream} from './command-stream.js';
import {ProtocolError, ReplyError, type RespReply} from './decode.js';
import {TapLink} from './tap-link.js';
import {type Touched, Touches, type TouchOptions} from './touches.js';

export interface BacklogRequest extends BacklogPiece, Omit<TouchOptions, 'commands'> {
  readonly endpoint: Endpoint;
  /** Limit for connecting and for a silence, in milliseconds. */
  readonly timeoutMs: number;
}

export type BacklogReplay =
  | ({readonly kind: 'replayed'; readonly bytes: number; readonly commands: number} & Touched)
  /** The server cannot or will not tell. Nothing was changed on it. */
  | {readonly kind: 'unavailable'; readonly why: string};

class Unavailable extends Error {}

/** Reads the piece and names the keys in it. Never throws for what is wrong with the server or with the way to it. */
export async function readBacklog(request: BacklogRequest): Promise<BacklogReplay> {
  const {endpoint, timeoutMs} = request;
  let link: TapLink | null = null;
  try {
    link = await TapLink.open(endpoint, timeoutMs);
    const commands = await prepare(link);
    await assertKept(link, request);
    return await replay(link, request, commands);
  } catch (error) {
    if (error instanceof RtopoError || error instanceof Unavailable) return {kind: 'unavailable', why: error.message};
    if (!(error instanceof ProtocolError)) throw error;
    return {kind: 'unavailable', why: `${addressText(endpoint.address)}: ${error.message}`};
  } finally {
    link?.close();
  }
}

/** Everything that takes time is done before the server is asked what it has kept, for its backlog goes on. */
async function prepare(link: TapLink): Promise<CommandTable | null> {
  // Where `rdb-filter-only` is known (Redis 7.0), a data set that is sent against all expectation holds no key. Elsewhere it is refused without consequence.
  const [capable, , commands] = await link.ask([
    ['REPLCONF', 'capa', 'eof', 'capa', 'psync2'],
    ['REPLCONF', 'rdb-filter-only', ''],
    ['COMMAND'],
  ]);
  if (capable !== 'OK') throw new Unavailable(`${link.at} refused REPLCONF: ${told(capable)}`);
  return commands instanceof ReplyError ? null : readCommandTable(commands);
}

/** Looks twice, for it has to know how fast the backlog runs away. */
async function assertKept(link: TapLink, request: BacklogRequest): Promise<void> {
  const earlier = await link.info();
  const info = await link.info();
  const good = infoNumber(info, 'min_slaves_good_slaves');
  const [, wanted] = good === null ? [] : await link.list(['CONFIG', 'GET', 'min-replicas-to-write']);
  const objection = objectionTo(request, {earlier, info, wantedReplicas: wanted === undefined ? null : Number(wanted)});
  if (objection !== null) throw new Unavailable(`${link.at} ${objection}`);
}

async function replay(link: TapLink, request: BacklogRequest, commands: CommandTable | null): Promise<BacklogReplay> {
  const {replid, fromOffset, toOffset} = request;
  const bytes = toOffset - fromOffset;
  const touches = new Touches({...request, commands});
  let count = 0;
  const stream = new CommandStream(bytes, (command) => {
    count += 1;
    touches.add(command);
  });
  if (bytes > 0) {
    const answer = await link.psync(replid, fromOffset + 1);
    // Anything else ends the connection at once: before a server that waits for more replicas has forked.
    if (!/^\+CONTINUE\b/.test(answer)) throw new Unavailable(`${link.at} does not replay its backlog: ${told(answer)}`);
    await link.stream(stream);
  }
  return {kind: 'replayed', bytes, commands: count, ...touches.result()};
}

function told(reply: RespReply | undefined): string {
  const text = reply instanceof ReplyError ? reply.text : String(reply ?? 'nothing');
  return escapeText(redact(text.slice(0, 200)));
}
