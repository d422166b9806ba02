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
import {PART_BYTES, sizedParts} from './sized.js';
import {dumpRestore} from './transports/dump-restore.js';
import {mayGoAsText, readTexts, type TextReading, textTransport} from './transports/strings.js';
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

/** Strings longer than this are sized before they are read, like all that is no string; bytes. */
const SHORT_BYTES = 4096;

/** What became of keys, in the order in which they went. The journal has it too: they must not go a second time. */
export interface Told {
  readonly keys: Buffer[];
  readonly outcomes: Outcome[];
}

/**
 * In as many batches as the values ask for: short strings as they are read, everything else once it is known how much it takes.
 * Fills `told`, which whoever tries again after a fault has to give here again.
 */
export async function carryKeys(all: Carriage, told: Told): Promise<void> {
  const carriage = told.keys.length === 0 ? all : {...all, keys: without(all.keys, told.keys)};
  const {longer, others} = await carryTexts(carriage, told, SHORT_BYTES);
  await carrySized({...carriage, keys: longer}, told, async (part) => {
    // They may take more on the wire than in memory, but not much.
    const left = await carryTexts(part, told, 2 * PART_BYTES);
    await carryPayloads({...part, keys: [...left.longer, ...left.others]}, told);
  });
  await carrySized({...carriage, keys: others}, told, (part) => carryPayloads(part, told));
}

function without(keys: readonly Buffer[], done: readonly Buffer[]): Buffer[] {
  const known = new Set(done);
  return keys.filter((key) => !known.has(key));
}

type Left = Pick<TextReading, 'longer' | 'others'>;

/** Strings that are no longer than that; returns what is left. */
async function carryTexts(carriage: Carriage, told: Told, limitBytes: number): Promise<Left> {
  const {keys} = carriage;
  const reading = await readAsText(carriage, limitBytes);
  if (reading === null) return {longer: [], others: keys};
  const texts = reading.texts.map(({key}) => key);
  if (texts.length > 0) tell(told, texts, await carryBatch({...carriage, keys: texts}, textTransport(reading)));
  return reading;
}

async function readAsText(carriage: Carriage, limitBytes: number): Promise<TextReading | null> {
  const {operation, source, target, targetNode, keys} = carriage;
  if (keys.length === 0 || isChild(operation, targetNode.number)) return null;
  if (!mayGoAsText({source, target, targetAge: ageKind(targetNode)})) return null;
  const {maxPayloadBytes} = intakeOf(operation, targetNode);
  return readTexts(source, keys, Math.min(limitBytes, maxPayloadBytes));
}

async function carrySized(carriage: Carriage, told: Told, carry: (part: Carriage) => Promise<void>): Promise<void> {
  const {source, keys, operation} = carriage;
  if (keys.length === 0) return;
  for (const {keys: part, isBig} of await sizedParts(source, keys, operation.settings.bigKeyBytes)) {
    if (isBig) await carryValues({...carriage, keys: part}, told);
    else await carry({...carriage, keys: part});
  }
}

/** As payloads; what the target cannot be given that way follows by itself. */
async function carryPayloads(carriage: Carriage, told: Told): Promise<void> {
  const {keys, operation, db, targetNode} = carriage;
  if (keys.length === 0) return;
  const carried = await carryBatch(carriage, payloadsTo(operation, {owner: targetNode.number, db}));
  const isReadable = carried.map(({outcome}) => outcome !== 'unreadable');
  const pick = <T>(list: readonly T[], readable: boolean): T[] => list.filter((_, i) => isReadable[i] === readable);
  tell(told, pick(keys, true), pick(carried, true));
  await carryValues({...carriage, keys: pick(keys, false)}, told);
}

function tell(told: Told, keys: readonly Buffer[], outcomes: readonly Outcome[]): void {
  for (const [i, key] of keys.entries()) {
    told.keys.push(key);
    told.outcomes.push(outcomes[i]!);
  }
}

/** One after the other, element by element. */
async function carryValues(carriage: Carriage, told: Told): Promise<void> {
  const {operation, isHalted, db, node, targetNode, source, target, keys} = carriage;
  const door = operation.pace.doorTo(targetNode.number);
  for (const key of keys) {
    checkpoint(operation);
    await door.enter();
    try {
      const where = {db, source: node, target: targetNode, from: source, to: target, key, isOver: isHalted};
      const {outcome, bytes} = await copyValue(operation, where);
      if (outcome === 'again') throw new Error('copyValue tries again by itself');
      if (outcome === 'created' || outcome === 'equal') operation.counts.byElements += 1;
      tell(told, [key], [{outcome, bytes, refooted: false}]);
    } finally {
      door.leave();
    }
  }
}

/** One batch through the transport: announced in the journal before it is sent, told there when it has landed. */
async function carryBatch(carriage: Carriage, transport: Transport): Promise<Carried[]> {
  const {operation, isHalted, db, node, targetNode, source, target, keys} = carriage;
  const [batch, owner] = [operation.nextBatch++, targetNode.number];
  const door = operation.pace.doorTo(owner);
  let isInside = false;
  try {
    const carried = await transport.carry({
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
function payloadsTo(operation: Operation, {owner, db}: {readonly owner: number; readonly db: number}): Transport {
  if (!isChild(operation, owner)) return dumpRestore;
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
