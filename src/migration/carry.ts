/** One batch between two servers: announced in the journal before it is sent, told there when it has landed. */
import type {RespSocket} from '../redis/resp/socket.js';
import {isChild} from './children.js';
import {copyValue} from './copy-value.js';
import {dropKeys} from './drop.js';
import type {Node} from './nodes.js';
import {checkpoint, note, type Operation, write} from './operation.js';
import {packExpiries, packKeys, packSums, packSumsOf} from './packing.js';
import {supportByVersion} from './probe.js';
import {OUTCOME_LETTERS} from './records.js';
import {strings} from './transports/strings.js';
import type {AgeKind, Carried, Transport} from './transports/transport.js';
import {twins} from './transports/twins.js';

export interface Carriage {
  readonly operation: Operation;
  /** The run has failed elsewhere: nobody waits for a rate any more. */
  readonly isHalted: () => boolean;
  readonly db: number;
  readonly node: Node;
  readonly targetNode: Node;
  readonly source: RespSocket;
  readonly target: RespSocket;
  readonly keys: readonly Buffer[];
}

/** What became of a key, by whatever way it went. */
export type Outcome = Pick<Carried, 'outcome' | 'bytes' | 'refooted'>;

/** As one batch; what the target cannot be given that way follows by itself. */
export async function carryKeys(carriage: Carriage): Promise<Outcome[]> {
  const carried: Outcome[] = await carryBatch(carriage);
  for (const [i, {outcome}] of carried.entries()) {
    if (outcome !== 'unreadable') continue;
    const [one] = await carryValues({...carriage, keys: [carriage.keys[i]!]});
    carried[i] = one!;
  }
  return carried;
}

/** One after the other, element by element. */
export async function carryValues(carriage: Carriage): Promise<Outcome[]> {
  const {operation, isHalted, db, node, targetNode, source, target, keys} = carriage;
  const door = operation.pace.doorTo(targetNode.number);
  const results: Outcome[] = [];
  for (const key of keys) {
    checkpoint(operation);
    await door.enter();
    try {
      const where = {db, source: node, target: targetNode, from: source, to: target, key, isOver: isHalted};
      const {outcome, bytes} = await copyValue(operation, where);
      if (outcome === 'again') throw new Error('copyValue tries again by itself');
      if (outcome === 'created' || outcome === 'equal') operation.counts.byElements += 1;
      results.push({outcome, bytes, refooted: false});
    } finally {
      door.leave();
    }
  }
  return results;
}

/** One batch through the transport: announced in the journal before it is sent, told there when it has landed. */
async function carryBatch(carriage: Carriage): Promise<Carried[]> {
  const {operation, isHalted, db, node, targetNode, source, target, keys} = carriage;
  const [batch, owner] = [operation.nextBatch++, targetNode.number];
  const door = operation.pace.doorTo(owner);
  let isInside = false;
  try {
    const carried = await transportTo(operation, {owner, db}).carry({
      ...{source, target, keys},
      sourceAge: ageKind(node),
      targetAge: ageKind(targetNode),
      ...intakeOf(operation, targetNode),
      announce: async (announced) => {
        const sums = packSums(announced.map(({sum}) => sum));
        const of = packSumsOf(announced.map((one) => one.of));
        const expiries = packExpiries(announced.map(({sum, expireAtMs}) => (sum === null ? -1 : expireAtMs)));
        const where = {batch, source: node.number, target: owner, db};
        await write(operation, {type: 'copy', ...where, keys: packKeys(keys), sums, of, expiries});
        const total = announced.reduce((sum, {bytes}) => sum + bytes, 0);
        const isOver = () => isHalted() || operation.interrupted();
        await operation.pace.admit({keys: keys.length, bytes: total}, isOver);
        await door.enter();
        isInside = true;
        operation.received.add(owner);
      },
    });
    note(operation, copiedRecord(batch, carried));
    addOwnWrites(operation, owner, carried);
    return carried;
  } catch (error) {
    // What was sent may have arrived, all of it or a part.
    if (isInside) addPerhaps(operation, owner, keys.length);
    throw error;
  } finally {
    if (isInside) door.leave();
  }
}

/** A server that was filled as a replica holds the values already. */
function transportTo(operation: Operation, {owner, db}: {readonly owner: number; readonly db: number}): Transport {
  if (!isChild(operation, owner)) return strings;
  return twins({
    makeRoom: async (socket, keys) => {
      await dropKeys(operation, {socket, db}, keys);
    },
  });
}

function intakeOf({intakes}: Operation, target: Node) {
  const intake = intakes.get(target.number);
  // A target that the plan did not know of was not probed: it gets payloads as they come, and says what it thinks of them.
  const support = intake?.support ?? supportByVersion(target.facts);
  return {support, maxPayloadBytes: intake?.maxPayloadBytes ?? Number.POSITIVE_INFINITY};
}

function copiedRecord(batch: number, carried: readonly Carried[]) {
  const landed: Record<number, string> = {};
  let [outcomes, bytes, refooted] = ['', 0, 0];
  for (const [i, one] of carried.entries()) {
    outcomes += OUTCOME_LETTERS[one.outcome];
    bytes += one.bytes;
    if (one.refooted) refooted += 1;
    if (one.landedCrc !== null) landed[i] = one.landedCrc.toString('base64');
  }
  return {type: 'copied', batch, outcomes, landed, bytes, ...(refooted === 0 ? {} : {refooted})} as const;
}

function addOwnWrites({ownWrites}: Operation, owner: number, carried: readonly Carried[]): void {
  const before = ownWrites.get(owner) ?? {sure: 0, perhaps: 0};
  ownWrites.set(owner, {
    sure: carried.reduce((sum, {writes}) => sum + writes, before.sure),
    perhaps: carried.reduce((sum, {perhapsWrites}) => sum + perhapsWrites, before.perhaps),
  });
}

function addPerhaps({ownWrites}: Operation, owner: number, writes: number): void {
  const {sure, perhaps} = ownWrites.get(owner) ?? {sure: 0, perhaps: 0};
  ownWrites.set(owner, {sure, perhaps: perhaps + writes});
}

/** The eviction policy decides which age a key has: seconds idle, a use counter, or none that matters. */
function ageKind({facts}: Node): AgeKind {
  if (facts.evictionPolicy.endsWith('-lfu')) return 'frequency';
  return facts.evictionPolicy.endsWith('-lru') ? 'idle' : 'none';
}
