/**
 * min-replicas-to-write set so high that no server has as many replicas: writers get the error NOREPLICAS, on every version since 2.8. It does not end by
 * itself, so what was set before is written down before anything is changed. Whoever runs CONFIG REWRITE meanwhile writes it into the file of the server.
 */

import {randomInt} from 'node:crypto';
import {ExitCode, RtopoError, refusal} from '../../errors.js';
import {withConnection} from '../../redis/connect.js';
import {infoText, parseInfo} from '../../redis/info.js';
import {dialFlags} from '../../topology/types.js';
import type {FencedNode, FenceKindRules, Fencing, NodeFence} from './fence-kind.js';
import {probeWrites} from './probe.js';

const TO_WRITE = 'min-replicas-to-write';
const MAX_LAG = 'min-replicas-max-lag';
const RAISED_TO = 1_000_000;
/** A setting that no one makes for the sake of replicas. */
const FOREIGN_FROM = 1000;
/** The limit is in force only together with one on the lag; this is the server's default. */
const LAG_SECONDS = 10;

export const minReplicas: FenceKindRules = {
  async survey(fencing) {
    const {at, runId} = fencing.node;
    const present = await readSettings(fencing);
    if (present.minReplicas >= FOREIGN_FROM) throw foreign(fencing, present.minReplicas);
    return new MinReplicas(fencing, {at, runId, ...present, raisedTo: RAISED_TO + randomInt(RAISED_TO)});
  },
  liftLeft: restore,
};

class MinReplicas implements NodeFence {
  readonly record: FencedNode;
  readonly #fencing: Fencing;
  #isUp = false;

  constructor(fencing: Fencing, record: FencedNode) {
    this.#fencing = fencing;
    this.record = record;
  }

  async raise(): Promise<void> {
    const {node, connection, timeoutMs} = this.#fencing;
    this.#isUp = true;
    try {
      if ((await readSettings(this.#fencing)).maxLagSeconds === 0)
        await connection.call('CONFIG', ['SET', MAX_LAG, LAG_SECONDS]);
      await connection.call('CONFIG', ['SET', TO_WRITE, this.record.raisedTo!]);
      await this.assertUp();
      if ((await probeWrites(node.endpoint, timeoutMs)) !== 'refused') throw useless(this.#fencing);
    } catch (error) {
      await this.lift().catch(() => undefined);
      throw error;
    }
  }

  /** On a connection of its own: the other one has been idle, and some servers close those. */
  async assertUp(): Promise<void> {
    const {node, timeoutMs} = this.#fencing;
    await withConnection(node.endpoint, timeoutMs, async (connection) => {
      const info = parseInfo(String(await connection.call('INFO', ['server'])));
      if (infoText(info, 'run_id') !== this.record.runId) throw lost(this.#fencing, 'the server was restarted');
      const {minReplicas: present, maxLagSeconds} = await readSettings({...this.#fencing, connection});
      if (present !== this.record.raisedTo) throw lost(this.#fencing, `somebody has set ${TO_WRITE} to ${present}`);
      if (maxLagSeconds === 0) throw lost(this.#fencing, `somebody has set ${MAX_LAG} to 0`);
    });
  }

  async lift(): Promise<readonly string[]> {
    if (!this.#isUp) return [];
    const notes = await restore(this.#fencing, this.record);
    this.#isUp = false;
    return notes;
  }
}

interface Settings {
  readonly minReplicas: number;
  readonly maxLagSeconds: number;
}

async function readSettings({node, connection}: Fencing): Promise<Settings> {
  const read = async (name: string): Promise<number> => {
    const reply = await connection.call('CONFIG', ['GET', name]);
    const value = Array.isArray(reply) ? reply[1] : null;
    if (typeof value === 'string' && /^\d{1,10}$/.test(value)) return Number(value);
    throw new RtopoError({
      code: 'FENCE_UNKNOWN',
      exit: ExitCode.failed,
      message: `${node.at} has no setting ${name}, or does not tell it.`,
      remedy: 'use --fence pause, or --fence none and stop the writers yourself',
    });
  };
  return {minReplicas: await read(TO_WRITE), maxLagSeconds: await read(MAX_LAG)};
}

/** Only what is still as we have set it: writes first, the lag after. Verified by reading it again. Can be repeated. */
async function restore(fencing: Fencing, record: FencedNode): Promise<readonly string[]> {
  const {node, connection} = fencing;
  const [before, lagBefore] = [record.minReplicas!, record.maxLagSeconds!];
  const present = await readSettings(fencing);
  if (present.minReplicas === record.raisedTo) await connection.call('CONFIG', ['SET', TO_WRITE, before]);
  else if (present.minReplicas !== before) {
    return [
      `${TO_WRITE} of ${node.at} is ${present.minReplicas}: somebody has set it since; before the fence it was ${before}.`,
    ];
  }
  if (lagBefore === 0 && present.maxLagSeconds === LAG_SECONDS) await connection.call('CONFIG', ['SET', MAX_LAG, 0]);
  const after = await readSettings(fencing);
  if (after.minReplicas === before) return [];
  throw new RtopoError({
    code: 'FENCE_NOT_LIFTED',
    exit: ExitCode.incomplete,
    message: `${TO_WRITE} of ${node.at} should be ${before} again and is ${after.minReplicas}.`,
  });
}

function foreign({node}: Fencing, value: number): RtopoError {
  return refusal({
    code: 'FENCE_FOREIGN',
    message: `${node.at} already refuses writes: its ${TO_WRITE} is ${value}, so somebody else has fenced it. Nothing was changed.`,
    remedy: `ask who has set it; when nobody needs it any more: redis-cli ${dialFlags(node.endpoint.address)} CONFIG SET ${TO_WRITE} 0`,
  });
}

function useless({node}: Fencing): RtopoError {
  return new RtopoError({
    code: 'FENCE_USELESS',
    exit: ExitCode.failed,
    message: `${node.at} accepted ${TO_WRITE} and does not refuse a write for it. The setting was restored.`,
    remedy: 'use --fence pause, or --fence none and stop the writers yourself',
  });
}

function lost({node}: Fencing, why: string): RtopoError {
  return new RtopoError({
    code: 'FENCE_LOST',
    exit: ExitCode.incomplete,
    message: `The fence of ${node.at} did not hold: ${why}. Writes may have come through.`,
  });
}
