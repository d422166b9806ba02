/** After the promotion, whoever made it: roles outlive a restart, clients and replicas go over, and the topology file says how it is. */
import {readFile} from 'node:fs/promises';
import {ExitCode, RtopoError} from '../errors.js';
import {endpointOf, withConnection} from '../redis/connect.js';
import type {LeftBehind} from '../report/switchover.js';
import {setMaster} from '../topology/edit-master.js';
import {replaceFile, textSha256} from '../topology/save.js';
import {addressText, type Instance} from '../topology/types.js';
import type {Changing} from './changing.js';
import {Orders, type Persisted, persist} from './orders.js';
import {type RepointOptions, repoint} from './repoint.js';
import {Watched} from './sight.js';

/** Each part can be done again; the last record says that all are done. */
export async function finishChange(changing: Changing): Promise<void> {
  const {told, hooks} = changing;
  const {shard, next} = changing.cast;
  await changing.locks.take(shard.name, next, told.promoting?.inherited ?? null);
  // At once, and again later with its outcome told: an old master that restarts now would come back as one.
  await Promise.allSettled(bothOf(changing).map((one) => persistOn(one, hooks.timeoutMs)));
  if (told.begin.killClients && told.killed === null) await killClients(changing);
  changing.checkpoint();
  const file = await editFile(changing);
  changing.checkpoint();
  if (told.settled === null) await settle(changing, file);
  await changing.end('done');
}

/** The dead are not asked. */
function bothOf({told, cast: {old, next}}: Changing): Instance[] {
  return told.begin.kind === 'failover' ? [next] : [next, old];
}

function persistOn(instance: Instance, timeoutMs: number): Promise<Persisted> {
  return withConnection(endpointOf(instance), timeoutMs, (connection) => persist(new Orders(connection)));
}

/** Whoever still holds the old master would go on reading from it, and get READONLY for each write. */
async function killClients(changing: Changing): Promise<void> {
  const clients = await withConnection(endpointOf(changing.cast.old), changing.hooks.timeoutMs, async (connection) => {
    const kill = (type: string) => connection.call('CLIENT', ['KILL', 'TYPE', type, 'SKIPME', 'yes']);
    return Number(await kill('normal')) + Number(await kill('pubsub'));
  });
  changing.hooks.say(`${addressText(changing.cast.old.address)}: ${clients} clients disconnected`);
  await changing.note({type: 'killed', clients});
}

/** The edit is made in the file as it is now: it touches one shard, whatever else was edited meanwhile. */
async function editFile(changing: Changing): Promise<LeftBehind | null> {
  const {begin} = changing.told;
  try {
    for (let attempt = 1; ; attempt++) {
      const text = await readFile(begin.file, 'utf8');
      const edited = setMaster(text, {shard: begin.shard, master: changing.cast.next.address});
      if (edited === text) return null;
      const backupSuffix = `before-${begin.id}`;
      const outcome = await replaceFile({
        path: begin.file,
        expectedSha256: textSha256(text),
        text: edited,
        backupSuffix,
      });
      if (outcome === 'changed' && attempt < 3) continue;
      await changing.note({type: 'edited', backup: `${begin.file}.${backupSuffix}`});
      return null;
    }
  } catch (error) {
    const {code = 'TOPOLOGY_NOT_SAVED', message} = error as {code?: string; message: string};
    const what = error instanceof RtopoError ? message : `${begin.file} cannot be read or written (${code}).`;
    const edit = `Make ${begin.next} the master of shard ${begin.shard} there, and ${begin.old} a replica.`;
    return {instance: begin.file, code, message: `${what} ${edit}`};
  }
}

async function settle(changing: Changing, file: LeftBehind | null): Promise<void> {
  const {told, hooks} = changing;
  const {old, next, siblings} = changing.cast;
  const left: LeftBehind[] = file === null ? [] : [file];
  const repointed: string[] = [];
  const outcomes = new Map<string, Persisted>();
  const to = addressText(next.address);
  const follow = async (child: Instance): Promise<void> => {
    const at = addressText(child.address);
    try {
      outcomes.set(at, await repoint({child, parent: next}, optionsOf(changing, child)));
      repointed.push(at);
      hooks.say(`${at} follows ${to}`);
    } catch (error) {
      if (!(error instanceof RtopoError)) throw error;
      left.push({instance: at, code: error.code, message: error.message});
      hooks.say(`${at} does not follow ${to}: ${error.code}`);
    }
  };
  outcomes.set(to, await persistOn(next, hooks.timeoutMs));
  if (told.begin.kind === 'switchover') await follow(old);
  await Promise.all(siblings.map(follow));
  if (told.begin.kind === 'failover') left.push(...(await oldIsBack(changing)));
  const notPersisted = [...outcomes].flatMap(([at, outcome]) => (outcome === 'yes' ? [] : [at]));
  await changing.note({
    type: 'settled',
    settled: {repointed: repointed.sort(), left, notPersisted, fullResyncs: await fullResyncs(changing)},
  });
}

function optionsOf({cast: {topology}, told, hooks}: Changing, {address}: Instance): RepointOptions {
  return {
    ...{login: topology.replicationAuth, commandTimeoutMs: hooks.timeoutMs},
    linkTimeoutMs: Math.max(15_000, 6 * hooks.timeoutMs),
    isExpendable: told.begin.discard.includes(addressText(address)),
  };
}

/** By the server's own count, against what it was before; that no replica lost its place is a prediction until then. */
async function fullResyncs({told, cast: {next}, hooks}: Changing): Promise<number | null> {
  const before = told.promoted?.fullSyncs ?? null;
  const server = new Watched(next, hooks.timeoutMs);
  try {
    const {facts} = await server.look();
    const {fullSyncs} = facts;
    if (facts.role.kind !== 'master') throw demotedMeanwhile(next, facts.role);
    return before === null || fullSyncs === null || fullSyncs < before ? null : fullSyncs - before;
  } finally {
    server.close();
  }
}

function demotedMeanwhile({address}: Instance, role: {readonly kind: string}): RtopoError {
  return new RtopoError({
    code: 'PROMOTION_UNDONE',
    exit: ExitCode.incomplete,
    message: `${addressText(address)} was promoted and is a ${role.kind} again: somebody else gives it orders.`,
  });
}

/** The dead master answers again. It is never touched: whether it took writes is for a person to judge. */
async function oldIsBack({cast: {old, shard}, hooks}: Changing): Promise<LeftBehind[]> {
  const server = new Watched(old, Math.min(1000, hooks.timeoutMs));
  try {
    const {facts} = await server.look();
    if (facts.role.kind !== 'master') return [];
    const at = addressText(old.address);
    return [
      {
        ...{instance: at, code: 'FORMER_MASTER_BACK'},
        message: `${at} is back, and a master beside the new one of shard ${shard.name}: clients must not write to it.`,
      },
    ];
  } catch (error) {
    if (error instanceof RtopoError) return [];
    throw error;
  } finally {
    server.close();
  }
}
