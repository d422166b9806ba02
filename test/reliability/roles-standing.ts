/** What stands in the way before a run begins: how it is set up, how the run may end, and how it is mended. */
import {accounts} from './roles-accounts.js';
import {forgeries} from './roles-forgeries.js';
import {names} from './roles-names.js';
import {servers} from './roles-servers.js';
import type {Course, Role, Variant, World} from './roles-world.js';

/** A fault that has been set up. */
export interface Armed {
  /** How the run may end; 0: it gets along. */
  readonly exits: readonly number[];
  /** What it must say where it does not end well. */
  readonly says?: RegExp;
  /** What it must say even where it does. */
  readonly warns?: RegExp;
  /** More environment, or other arguments, of this one run. */
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** Looked at when the run has ended, before anything is mended. */
  readonly check?: () => Promise<void>;
  /** False: it was over before the run was. */
  readonly isStill?: () => Promise<boolean>;
  /** The operator's part. `ended`: the exit code of the run. */
  readonly mend: (ended: number) => Promise<void>;
}

export interface Standing {
  /** Which parts it may stand at, in which command. */
  readonly at: Readonly<Partial<Record<Course, readonly Role[]>>>;
  /** How the servers are started. */
  readonly variant?: (role: Role) => Variant;
  /** Set up while the master lives, also where it is to be dead. */
  readonly isEarly?: true;
  readonly isPlain?: true;
  readonly arm: (world: World, role: Role) => Promise<Armed>;
}

export const standing: Readonly<Record<string, Standing>> = {...accounts, ...names, ...servers, ...forgeries};

export interface StandingCase {
  readonly course: Course;
  readonly role: Role;
  readonly fault: string;
}

export const standingCases = (): StandingCase[] =>
  Object.entries(standing).flatMap(([fault, {at}]) =>
    (Object.entries(at) as [Course, readonly Role[]][]).flatMap(([course, roles]) =>
      roles.map((role) => ({course, role, fault})),
    ),
  );
