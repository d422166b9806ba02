/** Every mistake that a topology file can hold: what is said, and at which line and column. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {failureOf} from './failure.js';

const test = suite('topology/parse-errors');

const ADVICE =
  'a topology file holds no secrets; name where it comes from with passwordEnv, passwordFile or passwordCommand, and change the one that was written here.';
const EXAMPLE = 'write host:port, for example 10.0.0.1:6379.';
const TOP_KEYS = 'version, name, auth, replicationAuth, tls, placement, shards';
const TAGS = 'Not valid YAML: tags (!name) are not supported: write plain text, numbers, lists and mappings.';
const LOGIN_KIND = 'must be a mapping with passwordEnv, passwordFile or passwordCommand, or false for no login';
const TLS_KIND = 'must be a mapping such as {ca: ca.pem}, {} for the authorities of the system, or false for no TLS';
const INSTANCE_KIND = 'must be an address such as 10.0.0.1:6379, or a mapping with the key address';
const NAME_RULE = 'a name is 1 to 63 of a-z, 0-9, "_" and "-", and begins with a letter or digit';

/** Two lines that are right, so that what follows begins on line 3. */
const HEAD = 'version: 1\nname: x\n';
const ONE = 'shards: [{name: a, master: "h:1"}]';
const shards = (...list: string[]) =>
  `${HEAD}placement: {scheme: ketama}\nshards:\n${list.map((one) => `  - ${one}\n`).join('')}`;

const CASES: readonly (readonly [title: string, text: string, ...lines: string[]])[] = [
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
  ['version 2', 'version: 2\nnmae: x', '1:10: This rtopo reads version 1 of the format, not 2.'],
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
  // Shards
  ['no shards', `${HEAD}shards: []`, '3:9: shards: at least one shard is needed.'],
  ['shards a mapping', `${HEAD}shards: {a: "h:1"}`, '3:9: shards must be a list of shards, not a mapping.'],
  ['a shard that is text', shards('"h:1"'), '5:5: shards[0] must be a mapping with name and master, not "h:1".'],
  ['a shard that is a list', shards('[a, b]'), '5:5: shards[0] must be a mapping with name and master, not a list.'],
  [
    'a shard without name and master',
    shards('{weight: 2}'),
    '5:5: shards[0] has no key "name": a name such as cache.',
    '5:5: shards[0] has no key "master": the address of the instance that takes the writes.',
  ],
  [
    'weights',
    shards(
      '{name: a, master: "h:1", weight: 0}',
      '{name: b, master: "h:2", weight: 1001}',
      '{name: c, master: "h:3", weight: 1.5}',
      '{name: d, master: "h:4", weight: "2"}',
    ),
    '5:38: shards[0].weight must be a whole number from 1 to 1000, not 0.',
    '6:38: shards[1].weight must be a whole number from 1 to 1000, not 1001.',
    '7:38: shards[2].weight must be a whole number from 1 to 1000, not 1.5.',
    '8:38: shards[3].weight must be a whole number from 1 to 1000, not "2".',
  ],
  [
    'an empty node',
    shards('{name: a, master: "h:1", node: ""}'),
    '5:36: shards[0].node: a node identity is not empty and holds no control characters.',
  ],
  [
    'a name twice',
    shards('{name: a, master: "h:1"}', '{name: a, master: "h:2"}'),
    '6:12: The shard name "a" was already given on line 5.',
  ],
  [
    'a node twice',
    shards('{name: a, node: n, master: "h:1"}', '{name: b, node: n, master: "h:2"}'),
    '6:21: The node "n" is the same as the node on line 5: clients could not tell the shards apart.',
  ],
  [
    'a node that is another name',
    shards('{name: a, master: "h:1"}', '{name: b, node: a, master: "h:2"}'),
    '6:21: The node "a" is the same as the name on line 5: clients could not tell the shards apart.',
  ],
  // Instances
  [
    'a master that is a number',
    shards('{name: a, master: 6379}'),
    `5:23: shards[0].master ${INSTANCE_KIND}, not 6379.`,
  ],
  ['a master that is empty', shards('{name: a, master: }'), `5:15: shards[0].master ${INSTANCE_KIND}; it is empty.`],
  [
    'a port missing',
    shards('{name: a, master: 10.0.0.1}'),
    `5:23: shards[0].master: "10.0.0.1" has no port: ${EXAMPLE}`,
  ],
  [
    'a port in octal',
    shards('{name: a, master: "h:0777"}'),
    '5:23: shards[0].master: the port "0777" has a leading zero: write "777".',
  ],
  [
    'a port too large',
    shards('{name: a, master: {address: "h:65536"}}'),
    '5:33: shards[0].master.address: the port "65536" is not a number from 1 to 65535.',
  ],
  [
    'a host with a line break',
    shards('{name: a, master: "h\\r\\nREPLICAOF:1"}'),
    `5:23: shards[0].master: the host "h\\x0d\\x0aREPLICAOF" holds more than letters, digits, ".", "_" and "-": ${EXAMPLE}`,
  ],
  [
    'a master that follows',
    shards('{name: a, master: {address: "h:1", of: "h:2"}, replicas: ["h:2"]}'),
    '5:40: shards[0].master is a master and follows nobody: "of" belongs to replicas.',
  ],
  [
    'host and port as keys',
    shards('{name: a, master: {host: h, port: 1}}'),
    '5:15: shards[0].master has no key "address": the host:port that rtopo dials.',
    '5:24: Unknown key "host" in shards[0].master; did you mean "address"?',
    '5:33: Unknown key "port" in shards[0].master; did you mean "address"?',
  ],
  [
    'replicas that are text',
    shards('{name: a, master: "h:1", replicas: "h:2"}'),
    '5:40: shards[0].replicas must be a list of addresses, not "h:2".',
  ],
  [
    'replicas that are empty',
    `${HEAD}shards:\n  - name: a\n    master: h:1\n    replicas:\n`,
    '6:5: shards[0].replicas must be a list of addresses; it is empty.',
  ],
  [
    'slaves',
    shards('{name: a, master: "h:1", slaves: ["h:2"]}'),
    '5:30: Unknown key "slaves" in shards[0]; did you mean "replicas"?',
  ],
  [
    'a replica that is a list',
    shards('{name: a, master: "h:1", replicas: [["h:2"]]}'),
    `5:41: shards[0].replicas[0] ${INSTANCE_KIND}, not a list.`,
  ],
  [
    'priorities',
    shards(
      '{name: a, master: "h:1", replicas: [{address: "h:2", priority: -1}, {address: "h:3", priority: 2147483648}]}',
    ),
    '5:68: shards[0].replicas[0].priority must be a whole number from 0 to 2147483647, not -1.',
    '5:100: shards[0].replicas[1].priority must be a whole number from 0 to 2147483647, not 2147483648.',
  ],
  [
    'an address twice in a shard',
    shards('{name: a, master: "h:1", replicas: ["H:1"]}'),
    '5:41: The address h:1 is already that of an instance on line 5.',
  ],
  [
    'an address twice in the file',
    shards('{name: a, master: "h:1"}', '{name: b, master: {address: "redis://h:1"}}'),
    '6:33: The address h:1 is already that of an instance on line 5.',
  ],
  [
    'a peer address twice',
    shards('{name: a, master: "h:1"}', '{name: b, master: {address: "h:2", peer: "h:1"}}'),
    '6:46: The peer address h:1 is already that of an instance on line 5.',
  ],
  [
    'announced twice',
    shards(
      '{name: a, master: {address: "h:1", announce: "n:1"}}',
      '{name: b, master: {address: "h:2", announce: "n:1"}}',
    ),
    '6:50: The announce address n:1 is already that of an instance on line 5.',
  ],
  [
    'of an unknown instance',
    shards('{name: a, master: "10.0.0.1:6379", replicas: [{address: "10.0.0.2:6379", of: "10.0.0.11:6379"}]}'),
    '5:82: No instance of this shard has the address 10.0.0.11:6379; did you mean 10.0.0.1:6379?',
  ],
  [
    'of something else',
    shards('{name: a, master: "h:1", replicas: [{address: "h:2", of: "cache.example.com:1"}]}'),
    '5:62: No instance of this shard has the address cache.example.com:1; they are h:1, h:2.',
  ],
  [
    'of another shard',
    shards('{name: a, master: "h:1"}', '{name: b, master: "h:2", replicas: [{address: "h:3", of: "h:1"}]}'),
    '6:62: h:1 belongs to shard "a": a replica follows an instance of its own shard.',
  ],
  [
    'of itself',
    shards('{name: a, master: "h:1", replicas: [{address: "h:2", of: "h:2"}]}'),
    '5:62: h:2 cannot be a replica of itself.',
  ],
  [
    'a circle',
    `${shards('{name: a, master: "h:1", replicas: [{address: "h:2", of: "h:3"}, {address: "h:3", of: "h:4"}, {address: "h:4", of: "h:2"}, {address: "h:5", of: "h:2"}]}')}`,
    '5:62: These replicas follow each other, so none of them follows the master: h:2 → h:3 → h:4 → h:2.',
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

for (const [title, text, ...lines] of CASES) {
  test(title, () => {
    const error = failureOf(text);
    assert.equal(
      error.message.split('\n'),
      lines.map((line) => `r:${line}`),
    );
    assert.is(error.code, 'TOPOLOGY_INVALID');
    assert.is(error.exit, 78);
  });
}

test('all problems of a file are said at once, in its order, as text and as data', () => {
  const error = failureOf(
    'version: 1\nnane: x\nauth: {password: hunter2}\nshards:\n  - name: a\n    master: h\n    wieght: 2\n',
    'conf/rtopo.yml',
  );
  assert.equal(error.message.split('\n'), [
    'conf/rtopo.yml:1:1: The topology has no key "name": a name such as cache.',
    'conf/rtopo.yml:2:1: Unknown key "nane"; did you mean "name"?',
    `conf/rtopo.yml:3:8: The key "password" would put a secret here: ${ADVICE}`,
    `conf/rtopo.yml:6:13: shards[0].master: "h" has no port: ${EXAMPLE}`,
    'conf/rtopo.yml:7:5: Unknown key "wieght" in shards[0]; did you mean "weight"?',
  ]);
  assert.is(error.remedy, 'Put the password into an environment variable and write passwordEnv: NAME_OF_THE_VARIABLE.');
  assert.equal((error.details!.problems as unknown[])[1], {
    file: 'conf/rtopo.yml',
    line: 2,
    column: 1,
    message: 'Unknown key "nane"; did you mean "name"?',
    path: ['nane'],
  });
});

test('positions are the same with byte order mark and with CRLF', () => {
  const text = `${HEAD}shards:\n  - {name: a, master: "h:0"}\n`;
  const {message} = failureOf(text);
  assert.is(message, 'r:4:23: shards[0].master: the port "0" is not a number from 1 to 65535.');
  assert.is(failureOf(`\ufeff${text}`).message, message);
  assert.is(failureOf(text.replaceAll('\n', '\r\n')).message, message);
  assert.equal(failureOf('\ufeffvresion: 1').message.split('\n'), [
    'r:1:1: Unknown key "vresion"; did you mean "version"?',
    'r:1:1: The topology has no key "version": write `version: 1`.',
    'r:1:1: The topology has no key "name": a name such as cache.',
    'r:1:1: The topology has no key "shards": the list of shards.',
  ]);
});

test('after twenty problems the rest is counted', () => {
  const error = failureOf(`${HEAD}${ONE}\n${Array.from({length: 33}, (_, i) => `zone${i}: x\n`).join('')}`);
  const lines = error.message.split('\n');
  assert.is(lines.length, 21);
  assert.is(lines[20], '… and 13 more');
  assert.is((error.details!.problems as unknown[]).length, 20);
  assert.is(error.details?.more, 13);
});

test('the name of the file is escaped too', () => {
  assert.match(failureOf('', 'a\u001b[2J.yml').message, /^a\\x1b\[2J\.yml:1:1: /);
});

test.run();
