/** Builds a stream under a temporary name: entries, groups, consumers, what is pending, and the counters. */
import {ExitCode, RtopoError} from '../../errors.js';
import type {Part} from '../../redis/resp/encode.js';
import {compareIds, ZERO_ID} from './ids.js';
import {keyText} from './read.js';
import type {Pending, StreamPart} from './stream.js';
import type {StreamFacts} from './stream-facts.js';
import type {GuardedWriter} from './write.js';

/** A group that exists only while the key is made: a stream without entries comes into being by one. */
const FOUNDER = '__rtopo';
/** Commands in one transaction, for names of consumers and settings of groups. */
const COMMANDS_AT_ONCE = 100;

export class StreamWriter {
  readonly #writer: GuardedWriter;
  readonly #key: Buffer;
  readonly #facts: StreamFacts;
  #hasEntries = false;
  /** Entries that were deleted at the source and are pending all the same. */
  ghosts = 0;

  constructor(writer: GuardedWriter, key: Buffer, facts: StreamFacts) {
    this.#writer = writer;
    this.#key = key;
    this.#facts = facts;
  }

  /** The stream with its groups and consumers, also those that have nothing pending. */
  async begin(): Promise<void> {
    const {temporary} = this.#writer;
    await this.#send([
      ['XGROUP', 'CREATE', temporary, FOUNDER, ZERO_ID, 'MKSTREAM'],
      ['XGROUP', 'DESTROY', temporary, FOUNDER],
    ]);
    const commands = this.#facts.groups.flatMap(({name, lastDeliveredId, consumers}): Part[][] => [
      ['XGROUP', 'CREATE', temporary, name, lastDeliveredId],
      ...consumers.map((consumer): Part[] => ['XGROUP', 'CREATECONSUMER', temporary, name, consumer]),
    ]);
    for (let at = 0; at < commands.length; at += COMMANDS_AT_ONCE)
      await this.#send(commands.slice(at, at + COMMANDS_AT_ONCE));
  }

  /**
   * Only an entry that exists can be made pending. So an entry that is pending though it was deleted is added for the moment, claimed,
   * and deleted again. Those before the first entry were cut off at the source, and are cut off here: to delete them would leave a trace
   * in the stream that the source does not have.
   */
  async write(part: StreamPart): Promise<void> {
    const first = this.#hasEntries ? null : part.entries[0]?.id;
    const isBefore = (id: string) => first !== null && (first === undefined || compareIds(id, first) < 0);
    const before = part.ghosts.filter(isBefore);
    const after = part.ghosts.filter((id) => !isBefore(id));
    const {temporary} = this.#writer;
    this.ghosts += part.ghosts.length;
    if (after.length > 0 && (this.#facts.maxDeletedId ?? ZERO_ID) === ZERO_ID) throw this.#unknownDeletion();
    if (before.length > 0) {
      const [adds, claims] = [before.map((id) => this.#add(id, null)), this.#claims(part, isBefore)];
      await this.#send(
        [...adds, ...claims, ['XTRIM', temporary, 'MAXLEN', 0]],
        adds.length + claimed(claims) + before.length,
      );
    }
    const adds = [
      ...part.entries.map(({id, fields}) => ({id, command: this.#add(id, fields)})),
      ...after.map((id) => ({id, command: this.#add(id, null)})),
    ].sort((a, b) => compareIds(a.id, b.id));
    const claims = this.#claims(part, (id) => !isBefore(id));
    const deletes = after.length > 0 ? [['XDEL', temporary, ...after]] : [];
    const commands = [...adds.map(({command}) => command), ...claims, ...deletes];
    if (commands.length > 0) await this.#send(commands, adds.length + claimed(claims) + after.length);
    this.#hasEntries ||= part.entries.length > 0;
  }

  /** The counters last: adding and deleting moved them. What a group has read may not be more than was ever added, so it comes behind. */
  async finish(): Promise<void> {
    const {temporary} = this.#writer;
    const {lastId, entriesAdded, maxDeletedId, groups} = this.#facts;
    const added = entriesAdded === null ? [] : ['ENTRIESADDED', entriesAdded];
    const deleted = (maxDeletedId ?? ZERO_ID) === ZERO_ID ? [] : ['MAXDELETEDID', maxDeletedId!];
    await this.#send([['XSETID', temporary, lastId, ...added, ...deleted]]);
    const commands = groups.map(({name, lastDeliveredId, entriesRead}) => [
      ...['XGROUP', 'SETID', temporary, name, lastDeliveredId, 'ENTRIESREAD', entriesRead],
    ]);
    for (let at = 0; at < commands.length; at += COMMANDS_AT_ONCE)
      await this.#send(commands.slice(at, at + COMMANDS_AT_ONCE));
  }

  async #send(commands: readonly (readonly Part[])[], changes = commands.length): Promise<void> {
    await this.#writer.send(commands);
    this.#writer.changes += changes;
  }

  #add(id: string, fields: readonly Buffer[] | null): Part[] {
    return ['XADD', this.#writer.temporary, id, ...(fields ?? ['', ''])];
  }

  /** One command for neighbours that were delivered together, which is how they were read. */
  #claims(part: StreamPart, wanted: (id: string) => boolean): Claim[] {
    const claims: Claim[] = [];
    for (const [i, list] of part.pending.entries()) {
      let run: Pending[] = [];
      for (const pending of list) {
        if (!wanted(pending.id)) continue;
        if (run.length > 0 && !isSameDelivery(run[0]!, pending)) {
          claims.push(this.#claim(i, run));
          run = [];
        }
        run.push(pending);
      }
      if (run.length > 0) claims.push(this.#claim(i, run));
    }
    return claims;
  }

  #claim(group: number, run: readonly Pending[]): Claim {
    const {consumer, deliveredMs, deliveries} = run[0]!;
    const ids = run.map(({id}) => id);
    const how = ['TIME', deliveredMs, 'RETRYCOUNT', deliveries, 'FORCE', 'JUSTID'];
    return ['XCLAIM', this.#writer.temporary, this.#facts.groups[group]!.name, consumer, 0, ...ids, ...how];
  }

  #unknownDeletion(): RtopoError {
    return new RtopoError({
      code: 'STREAM_NOT_COPYABLE',
      exit: ExitCode.incomplete,
      message:
        `${keyText(this.#key)} is a stream in which deleted entries are pending, from a time when the server did not count deletions. ` +
        'That cannot be built from elements. It was not copied; the source still holds it.',
      remedy: 'acknowledge them at the source: XAUTOCLAIM key group consumer 0 0 drops what is pending but deleted',
    });
  }
}

type Claim = Part[];

/** Name, key, group, consumer and idle time in front of the ids, six words behind them. */
function claimed(claims: readonly Claim[]): number {
  return claims.reduce((sum, {length}) => sum + length - 11, 0);
}

function isSameDelivery(a: Pending, b: Pending): boolean {
  return a.deliveredMs === b.deliveredMs && a.deliveries === b.deliveries && a.consumer.equals(b.consumer);
}
