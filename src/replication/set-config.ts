/** Declared settings, given to a server: only where they are as they were when the plan was made, and read back. */
import {ExitCode, RtopoError} from '../errors.js';
import type {Connection} from '../redis/connect.js';
import type {ServerFacts} from '../redis/identity.js';
import {addressText, type Instance} from '../topology/types.js';
import type {Orders} from './orders.js';
import type {Step} from './plan.js';
import {MIN_REPLICAS, type Setting} from './settings.js';

type SetConfig = Step & {readonly do: 'set-config'};

/** @throws RtopoError exit 3 `PLAN_STALE`, exit 4 `MIN_REPLICAS_UNMET`, exit 1 `NOT_SET` */
export async function applySettings(
  orders: Orders,
  {instance, settings}: SetConfig,
  facts: ServerFacts,
): Promise<void> {
  for (const setting of settings) {
    const live = await read(orders.connection, setting.name);
    if (live === setting.to) continue;
    // Somebody holds writers off, or knows better: what was not seen before is not overwritten.
    if (live !== setting.from) throw changed(instance, setting, live);
    assertMet(instance, setting, facts);
    await orders.give('CONFIG', ['SET', setting.name, setting.to]);
    if ((await read(orders.connection, setting.name)) !== setting.to) throw notSet(instance, setting);
  }
}

async function read(connection: Connection, name: string): Promise<string | null> {
  const reply = await connection.call('CONFIG', ['GET', name]);
  return Array.isArray(reply) && typeof reply[1] === 'string' ? reply[1] : null;
}

/** A master that needs more replicas than it has refuses every write from that moment on. */
function assertMet(instance: Instance, {name, to}: Setting, {replicas}: ServerFacts): void {
  const online = replicas.filter(({state}) => state === 'online').length;
  if (name !== MIN_REPLICAS || Number(to) <= online) return;
  const at = addressText(instance.address);
  throw new RtopoError({
    code: 'MIN_REPLICAS_UNMET',
    exit: ExitCode.incomplete,
    message: `${at} has ${online} of the ${to} replicas that it shall need to take writes: with ${name} ${to} it would refuse them now. It was left as it was.`,
    remedy: 'rtopo status says what its replicas lack; then: rtopo replicate',
  });
}

function changed(instance: Instance, {name, from}: Setting, live: string | null): RtopoError {
  return new RtopoError({
    code: 'PLAN_STALE',
    exit: ExitCode.refused,
    message: `The plan is stale: ${name} of ${addressText(instance.address)} was ${from} when it was made, and is ${live ?? 'unknown'} now.`,
    remedy: 'run rtopo replicate again: it plans from what is there now',
  });
}

function notSet(instance: Instance, {name, to}: Setting): RtopoError {
  return new RtopoError({
    code: 'NOT_SET',
    exit: ExitCode.failed,
    message: `${addressText(instance.address)} answered OK to CONFIG SET ${name} ${to}, and has another value.`,
    remedy: 'look at its log: something else sets it',
  });
}
