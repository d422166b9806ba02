/** The mistakes in shards and instances; see `mistakes.ts`. */
import {EXAMPLE, HEAD, type Mistake, shards} from './mistakes.js';

const INSTANCE_KIND = 'must be an address such as 10.0.0.1:6379, or a mapping with the key address';

export const SHARD_MISTAKES: readonly Mistake[] = [
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
      '{name: b, master: "h:2", weight: 1000001}',
      '{name: c, master: "h:3", weight: 1.5}',
      '{name: d, master: "h:4", weight: "2"}',
    ),
    '5:38: shards[0].weight must be a whole number from 1 to 1000000, not 0.',
    '6:38: shards[1].weight must be a whole number from 1 to 1000000, not 1000001.',
    '7:38: shards[2].weight must be a whole number from 1 to 1000000, not 1.5.',
    '8:38: shards[3].weight must be a whole number from 1 to 1000000, not "2".',
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
];
