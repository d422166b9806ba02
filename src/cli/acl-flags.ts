/** The flags of `acl`. */
import {Flags} from '@oclif/core';
import {usageError} from '../errors.js';

const userName = Flags.custom<string>({
  parse: async (name) => {
    if (/^[^\s\u0000-\u001f\u007f-\u009f]+$/.test(name)) return name;
    throw usageError({message: 'A user name is not empty and holds no spaces.', remedy: 'rtopo acl status --user ops'});
  },
});

/** Major and minor version of a server. */
const serverVersion = Flags.custom<readonly [number, number]>({
  parse: async (text) => {
    const match = /^(\d{1,3})\.(\d{1,3})/.exec(text);
    if (match !== null) return [Number(match[1]), Number(match[2])];
    throw usageError({message: `'${text}' is not a version.`, remedy: 'write it as 7.4'});
  },
});

export const aclFlags = {
  user: userName({description: 'name of the login of rtopo (default rtopo)', helpValue: 'NAME'}),
  'replication-user': userName({description: 'name of the login of replicas (default repl)', helpValue: 'NAME'}),
  prefix: Flags.string({
    description: 'pattern of the keys that may be reached, instead of all; may be repeated',
    helpValue: 'KEYPATTERN',
    multiple: true,
  }),
  'server-version': serverVersion({
    description: 'also what servers know from this version on, of Redis or Valkey (default 7.0)',
    helpValue: '7.4',
  }),
};
