/**
 * The commands of this wing that change a server. Each of them can be given again: to a server that already does what it is told
 * a repetition is no change.
 */
import {ExitCode, RtopoError} from '../errors.js';
import type {Argument, Connection} from '../redis/connect.js';
import {resolveCredentials} from '../redis/credentials.js';
import type {ReplicateStepReport} from '../report/replicate.js';
import {type Auth, addressText, type Instance} from '../topology/types.js';

/** Commands that change a server, and whether any of them may have taken effect. */
export class Orders {
  readonly connection: Connection;
  given = false;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  async give(command: string, args: readonly Argument[]): Promise<void> {
    try {
      await this.connection.call(command, args);
      this.given = true;
    } catch (error) {
      // An error reply says that nothing happened. A lost reply says nothing.
      if (replyOf(error) === null) this.given = true;
      throw error;
    }
  }
}

export function replyOf(error: unknown): string | null {
  const reply = error instanceof RtopoError ? error.details?.reply : undefined;
  return typeof reply === 'string' ? reply : null;
}

/** Some servers are made safe by renaming REPLICAOF, and keep its older name. The name by which it was obeyed. */
export async function replicaOf(
  orders: Orders,
  instance: Instance,
  args: readonly Argument[],
): Promise<'REPLICAOF' | 'SLAVEOF'> {
  const unknown = (error: unknown): boolean => /unknown command/i.test(replyOf(error) ?? '');
  try {
    await orders.give('REPLICAOF', args);
    return 'REPLICAOF';
  } catch (error) {
    if (!unknown(error)) throw error;
  }
  try {
    await orders.give('SLAVEOF', args);
    return 'SLAVEOF';
  } catch (error) {
    if (!unknown(error)) throw error;
    throw new RtopoError({
      code: 'REPLICAOF_DISABLED',
      exit: ExitCode.failed,
      message: `${addressText(instance.address)} knows neither REPLICAOF nor SLAVEOF: renamed away, or a managed service.`,
      remedy: "use the provider's tools for its replication, or restore the command in its configuration",
    });
  }
}

/** How an instance logs in to its master, and whether it uses TLS on the way. */
export interface Login {
  /** Null: what the server has been given by others stays. */
  readonly auth: Auth | null;
  /** Whom it may have to follow, now or after a change of master. */
  readonly masters: readonly Instance[];
}

export async function setLogin(orders: Orders, {auth, masters}: Login): Promise<void> {
  const set = (name: string, value: string) => orders.give('CONFIG', ['SET', name, value]);
  if (auth !== null) {
    const {username, password} = await resolveCredentials(auth);
    // The user first and the password second: between the two an old password fails closed.
    // Redis 5 knows no users: its CONFIG GET lists nothing, and there is none to take back.
    const known = await orders.connection.attempt('CONFIG', ['GET', 'masteruser']);
    if (username !== null || !Array.isArray(known) || known.length > 0) await set('masteruser', username ?? '');
    await set('masterauth', password);
  }
  // The link dials the ports that are declared, so it speaks TLS where rtopo does.
  if (masters.some(({tls}) => tls !== null)) await set('tls-replication', 'yes');
}

export type Persisted = Exclude<ReplicateStepReport['persisted'], 'not-asked'>;

/** CONFIG REWRITE, so that the role outlives a restart. A server without a config file, or one that cannot write it, is told about and no failure. */
export async function persist(orders: Orders): Promise<Persisted> {
  try {
    await orders.give('CONFIG', ['REWRITE']);
    return 'yes';
  } catch (error) {
    const reply = replyOf(error);
    if (reply === null) throw error;
    return /without a config file/i.test(reply) ? 'no-config-file' : 'failed';
  }
}

/**
 * A role that outlives a restart. Both orders leave together: were rtopo killed between them, nobody could tell afterwards that
 * the role was not written down.
 */
export async function lastingRole(orders: Orders, instance: Instance, args: readonly Argument[]): Promise<Persisted> {
  const ordered = replicaOf(orders, instance, args);
  const persisted = persist(orders);
  persisted.catch(() => undefined);
  // Written down before the older name of the order was tried, it is written down once more.
  return (await ordered) === 'SLAVEOF' ? persist(orders) : persisted;
}
