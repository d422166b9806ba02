/** Every mistake that a topology file can hold: the file, and what must be said of it at which line and column. */

export const ADVICE =
  'a topology file holds no secrets; name where it comes from with passwordEnv, passwordFile or passwordCommand, and change the one that was written here.';
export const EXAMPLE = 'write host:port, for example 10.0.0.1:6379.';
const TOP_KEYS = 'version, name, auth, replicationAuth, tls, placement, shards';
const TAGS = 'Not valid YAML: tags (!name) are not supported: write plain text, numbers, lists and mappings.';
const LOGIN_KIND = 'must be a mapping with passwordEnv, passwordFile or passwordCommand, or false for no login';
const TLS_KIND = 'must be a mapping such as {ca: ca.pem}, {} for the authorities of the system, or false for no TLS';
const NAME_RULE = 'a name is 1 to 63 of a-z, 0-9, "_" and "-", and begins with a letter or digit';

/** Two lines that are right, so that what follows begins on line 3. */
export const HEAD = 'version: 1\nname: x\n';
export const ONE = 'shards: [{name: a, master: "h:1"}]';
/** A file with these shards, the first on line 5, after four characters. */
export const shards = (...list: string[]) =>
  `${HEAD}placement: {scheme: ketama}\nshards:\n${list.map((one) => `  - ${one}\n`).join('')}`;

/** A title, the file, and the lines of the message, without the name of the file. */
export type Mistake = readonly [title: string, text: string, ...lines: string[]];

/** In YAML, at the top, in logins and in the placement; those in shards and instances have a file of their own. */
export const MISTAKES: readonly Mistake[] = [
  // YAML
  ['empty', '', '1:1: The file is empty: a topology has a version, a name and a list of shards.'],
  ['only a comment', '# later\n', '1:1: The file is empty: a topology has a version, a name and a list of shards.'],
  ['text', 'hello', '1:1: The topology must be a mapping with version, name and shards, not "hello".'],
  ['a list', '- 1', '1:1: The topology must be a mapping with version, name and shards, not a list.'],
  ['two documents', `${HEAD}${ONE}\n---\nx`, '4:1: A second YAML document begins here: one file holds one topology.'],
  ['a directive', `%YAML 1.1\n---\n${HEAD}${ONE}`, '1:1: A % directive is not supported: delete this line.'],
  ['a quote missing', 'version: 1\nname: "x\n', '2:7: Not valid YAML: the quote that opens here is not closed.'],
  [
    'a bracket missing',
    `${HEAD}shards: [{name: a, master: "h:1"}\n`,
    '3:9: Not valid YAML: the bracket that opens here is not closed, or what is in it is indented too little.',
  ],
  [
    'an inner bracket missing',
    `${HEAD}shards: [{name: a, master: "h:1"]\nx: 1\n`,
    '3:10: Not valid YAML: the bracket that opens here is not closed, or what is in it is indented too little.',
  ],
  [
    'a comma missing',
    `${HEAD}shards: [{name: a master: "h:1"}]`,
    '3:17: Not valid YAML: inside [ ] and { } commas part the entries, not lines; is one missing here?',
  ],
  [
    'no space after the colon',
    'version: 1\nname:x\nshards: []',
    '2:1: Not valid YAML: a key must be on one line, with a colon behind it; is the colon or the space after it missing?',
  ],
  ['a tab', 'version: 1\n\tname: x\n', '2:1: Not valid YAML: tabs cannot indent YAML: use spaces.'],
  [
    'too much indentation',
    'version: 1\nname: x\n  shards: []\n',
    '2:7: Not valid YAML: a second ": " belongs to this value: check the indentation of the next line, or put text that holds ": " in quotes.',
  ],
  ['a custom tag', `${HEAD}x: !vault secret/redis\n${ONE}`, `3:4: ${TAGS}`],
  ['a known tag', `${HEAD}x: !!binary aGk=\n${ONE}`, `3:4: ${TAGS}`],
  [
    'a control character',
    `${HEAD}x: "a\u001bb"\n${ONE}`,
    '3:6: The character U+001B has no place in a topology file; is this UTF-8 text?',
  ],
  [
    'a replacement character',
    `${HEAD}# caf\ufffd\n${ONE}`,
    '3:6: The character U+FFFD has no place in a topology file; is this UTF-8 text?',
  ],
  ['a key that is a list', `${HEAD}? [a]\n: b\n${ONE}`, '3:3: Not valid YAML: every key must be plain text.'],
  ['a key twice', `${HEAD}${ONE}\nname: y\n`, '4:1: The key "name" was already given on line 2.'],
  [
    'a merge key',
    `${HEAD}${ONE}\n<<: {auth: {passwordEnv: P}}\n`,
    '4:1: Merge keys (<<) are not supported: write the keys out.',
  ],
  ['__proto__', `${HEAD}${ONE}\n__proto__: {x: 1}\n`, '4:1: The key "__proto__" is never allowed.'],
  [
    'constructor, deep in the options',
    `${HEAD}placement: {scheme: x, a: [{constructor: 1}]}\n${ONE}`,
    '3:29: The key "constructor" is never allowed.',
  ],
  ['an alias without anchor', `${HEAD}auth: *nothing\n${ONE}`, '3:7: This alias has no anchor before it.'],
  [
    'an alias to what holds it',
    `${HEAD}shards: [&s {name: a, master: "h:1", replicas: [*s]}]`,
    '3:49: This alias refers to something that contains it.',
  ],
  [
    'a leading zero',
    shards('{name: a, master: "h:1", weight: 010}'),
    '5:38: A number with a leading zero is read in two ways: write it without, or in quotes if it is text.',
  ],
  [
    'a number too large',
    shards('{name: a, master: "h:1", weight: 99999999999999999999}'),
    '5:38: This number cannot be kept exactly: write it in quotes if it is text.',
  ],
  // Keys of the top
  [
    'nothing in it',
    '{}',
    '1:1: The topology has no key "version": write `version: 1`.',
    '1:1: The topology has no key "name": a name such as cache.',
    '1:1: The topology has no key "shards": the list of shards.',
  ],
  ['version 2', 'version: 2\nnmae: x\nnmae: y', '1:10: This rtopo reads version 1 of the format, not 2.'],
  ['version in quotes', `version: "1"\nname: x\n${ONE}`, '1:10: version must be the number 1, not "1".'],
  ['a name that is not one', `version: 1\nname: Größe & Co\n${ONE}`, `2:7: name: ${NAME_RULE}; "gro-e-co" would do.`],
  ['a name that cannot be mended', `version: 1\nname: "--"\n${ONE}`, `2:7: name: ${NAME_RULE}.`],
  [
    'a name that YAML takes for a number',
    `version: 1\nname: 1\n${ONE}`,
    '2:7: name must be a name in text, not 1: write it in quotes.',
  ],
  [
    'a name too long',
    `version: 1\nname: ${'a'.repeat(64)}\n${ONE}`,
    `2:7: name: ${NAME_RULE}; "${'a'.repeat(63)}" would do.`,
  ],
  ['an unknown key', `${HEAD}shard: 1\n${ONE}`, '3:1: Unknown key "shard"; did you mean "shards"?'],
  [
    'an unknown key with a foreign name',
    `${HEAD}servers: []\n${ONE}`,
    '3:1: Unknown key "servers"; did you mean "shards"?',
  ],
  ['an unknown key like nothing', `${HEAD}zone: eu\n${ONE}`, `3:1: Unknown key "zone"; known here: ${TOP_KEYS}.`],
  [
    'an unknown key with an escape in it',
    `${HEAD}"a\\e[2J": eu\n${ONE}`,
    `3:1: Unknown key "a\\x1b[2J"; known here: ${TOP_KEYS}.`,
  ],
  // Login and TLS
  ['auth empty', `${HEAD}auth:\n${ONE}`, `3:1: auth ${LOGIN_KIND}; it is empty.`],
  ['auth a list', `${HEAD}auth: [ops]\n${ONE}`, `3:7: auth ${LOGIN_KIND}, not a list.`],
  ['auth true', `${HEAD}auth: true\n${ONE}`, `3:7: auth ${LOGIN_KIND}.`],
  [
    'auth without source',
    `${HEAD}auth: {username: ops}\n${ONE}`,
    '3:7: auth: a login needs exactly one of passwordEnv, passwordFile, passwordCommand; here is none.',
  ],
  [
    'auth with two sources',
    `${HEAD}replicationAuth:\n  passwordEnv: P\n  passwordFile: f\n${ONE}`,
    '3:1: replicationAuth: a login needs exactly one of passwordEnv, passwordFile, passwordCommand; here is passwordEnv and passwordFile.',
  ],
  [
    'a user name with a space',
    `${HEAD}auth: {username: "a b", passwordEnv: P}\n${ONE}`,
    '3:18: auth.username: a user name is not empty and holds no spaces.',
  ],
  [
    'a variable that is none',
    `${HEAD}auth: {passwordEnv: "not a name"}\n${ONE}`,
    '3:21: auth.passwordEnv: this is the name of an environment variable (letters, digits, "_"), never the password itself.',
  ],
  [
    'a path with a tilde',
    `${HEAD}auth: {passwordFile: ~/secret}\n${ONE}`,
    '3:22: auth.passwordFile: a path is not empty, holds no control characters and does not begin with "~", which only shells expand.',
  ],
  [
    'an empty command',
    `${HEAD}auth: {passwordCommand: " "}\n${ONE}`,
    '3:25: auth.passwordCommand: the command is empty or holds a NUL character.',
  ],
  [
    'an unknown key of auth',
    `${HEAD}auth: {usrname: ops, passwordEnv: P}\n${ONE}`,
    '3:8: Unknown key "usrname" in auth; did you mean "username"?',
  ],
  ['tls a list', `${HEAD}tls: []\n${ONE}`, `3:6: tls ${TLS_KIND}, not a list.`],
  ['tls true', `${HEAD}tls: true\n${ONE}`, `3:6: tls ${TLS_KIND}, not true.`],
  [
    'a certificate without key',
    `${HEAD}tls: {cert: c.pem}\n${ONE}`,
    '3:6: tls: cert and key go together; here is only cert.',
  ],
  [
    'a server name that is none',
    `${HEAD}tls: {serverName: "a b"}\n${ONE}`,
    '3:19: tls.serverName: this is the host name that stands in the certificate.',
  ],
  // Placement
  [
    'two shards without placement',
    `${HEAD}shards: [{name: a, master: "h:1"}, {name: b, master: "h:2"}]`,
    '3:1: There are 2 shards and no placement: which keys belong to which shard is not said.',
  ],
  [
    'placement without scheme',
    `${HEAD}placement: {}\n${ONE}`,
    '3:1: placement has no key "scheme": how the client finds the shard of a key, such as ketama.',
  ],
  [
    'a scheme in capitals',
    `${HEAD}placement: {scheme: Ketama}\n${ONE}`,
    '3:21: placement.scheme: a scheme is written in lower case, such as ketama.',
  ],
  [
    'a hash tag of one character',
    `${HEAD}placement: {scheme: x, hashTag: "{"}\n${ONE}`,
    '3:33: placement.hashTag: a hash tag is two characters such as "{}", or redis-cluster, or none.',
  ],
  // Secrets
  [
    'a password',
    `${HEAD}auth: {username: ops, password: hunter2}\n${ONE}`,
    `3:23: The key "password" would put a secret here: ${ADVICE}`,
  ],
  [
    'masterauth in a shard',
    shards('{name: a, master: "h:1", masterauth: hunter2}'),
    `5:30: The key "masterauth" would put a secret here: ${ADVICE}`,
  ],
  [
    'a password in a URL',
    shards('{name: a, master: "redis://:hunter2@h:1"}'),
    `5:23: A URL with a login stands here: ${ADVICE}`,
  ],
  [
    'a login in front of an address',
    shards('{name: a, master: "hunter2@h:1"}'),
    '5:23: shards[0].master: a user name or password is not part of an address: declare auth with passwordEnv, passwordFile or passwordCommand.',
  ],
];
