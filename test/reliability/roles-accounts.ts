/** Logins: wrong passwords of rtopo and of the replicas, and every command that `rtopo acl` lists missing in turn. */
import {permissionOf} from '../../src/redis/permissions.js';
import type {Standing} from './roles-standing.js';
import {type Course, declareWorld, opsRules, PASSWORDS, type Role} from './roles-world.js';

const WRONG = 'wrong-canary-55d1';

const wrongPassword: Standing = {
  at: {
    attach: ['master', 'candidate'],
    repoint: ['master', 'candidate'],
    failover: ['master', 'candidate', 'sibling'],
    pause: ['master', 'candidate', 'sibling'],
    dead: ['candidate', 'sibling'],
  },
  arm: async ({cast}, role) => {
    const {raw} = cast[role];
    await raw.cmd('ACL', 'SETUSER', 'ops', 'resetpass', `>${WRONG}`);
    return {
      exits: role === 'sibling' ? [0, 3, 4, 5] : [3, 5],
      says: /AUTH_FAILED|WRONGPASS/,
      mend: async () => void (await raw.cmd('ACL', 'SETUSER', 'ops', 'resetpass', `>${PASSWORDS.OPS}`)),
    };
  },
};

/** Declared, so that it would be written to the servers. */
const wrongLogin: Standing = {
  at: {attach: ['candidate'], repoint: ['candidate'], failover: ['master'], pause: ['master'], dead: ['sibling']},
  arm: async () => ({
    exits: [3, 5],
    says: /WRONGPASS|REPLICATION_LOGIN/,
    env: {REPL: WRONG},
    mend: async () => undefined,
  }),
};

/** Not declared: it is on the server that will have to log in. */
const wrongMasterauth: Standing = {
  at: {attach: ['candidate'], repoint: ['candidate'], failover: ['master'], pause: ['master'], dead: ['sibling']},
  arm: async (world, role) => {
    const {raw} = world.cast[role];
    await raw.cmd('CONFIG', 'SET', 'masterauth', WRONG);
    declareWorld(world, {declaresLogin: false});
    return {
      exits: [0, 1, 3, 4, 5],
      says: /LOGIN|AUTH|WRONGPASS|link/i,
      mend: async () => {
        await raw.cmd('CONFIG', 'SET', 'masterauth', PASSWORDS.REPL);
      },
    };
  },
};

/** Without it nothing of a server is known, and nothing is begun. */
const commandOf: Readonly<Record<Course, string>> = {
  attach: 'replicate',
  repoint: 'replicate',
  failover: 'switchover',
  pause: 'switchover',
  dead: 'failover',
};

/** A command as people name it, in whatever form it is printed. */
const naming = (command: string): RegExp => new RegExp(command.replace('|', '[| ]'), 'i');

function without(command: string, course: Course, role: Role): Standing {
  return {
    at: {[course]: [role]},
    arm: async ({cast}) => {
      const {raw} = cast[role];
      await raw.cmd('ACL', 'SETUSER', 'ops', `-${command}`);
      return {
        // A sibling that cannot be told anything does not hold a failover up: it is named, and left for later.
        exits: course === 'dead' && role === 'sibling' ? [0, 3, 4, 5] : [0, 1, 3, 5],
        says: naming(command),
        mend: async () =>
          void (await raw.cmd('ACL', 'SETUSER', 'ops', 'reset', 'on', `>${PASSWORDS.OPS}`, ...opsRules())),
      };
    },
  };
}

/** Each command of the table, at a part that takes turns; the two ways to switch over take turns too. */
function missing(): Record<string, Standing> {
  const found: Record<string, Standing> = {};
  const courses: readonly (readonly Course[])[] = [['attach', 'repoint'], ['failover', 'pause'], ['dead']];
  for (const some of courses) {
    const table = permissionOf(commandOf[some[0]!])!.commands;
    for (const [i, command] of table.entries()) {
      const course = some[i % some.length]!;
      const roles: readonly Role[] = course === 'dead' ? ['candidate', 'sibling'] : ['master', 'candidate'];
      const role = roles[Math.floor(i / some.length) % roles.length]!;
      found[`no-${command}-${course}`] = without(command, course, role);
    }
  }
  return found;
}

export const accounts: Readonly<Record<string, Standing>> = {
  'wrong-password': wrongPassword,
  'wrong-login': wrongLogin,
  'wrong-masterauth': wrongMasterauth,
  ...missing(),
};
