/**
 * How many keys a second `rtopo locate -` answers, by scheme and hash, beside the clients that it answers for and a loop in
 * C: the same keys, in turns. See README.md.
 */
import {spawnSync} from 'node:child_process';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {
  installedPackage,
  inTurns,
  median,
  numberArgument,
  printTable,
  temporaryFolder,
  writeKeys,
  writeTopology,
} from './rig.mjs';

const placements = [
  ['ketama fnv1a_64', '{scheme: ketama}'],
  ['ketama fnv1a_64, hash tag {}', '{scheme: ketama, hashTag: "{}"}'],
  ['ketama crc32a', '{scheme: ketama, hash: crc32a}'],
  ['ketama murmur', '{scheme: ketama, hash: murmur}'],
  ['ketama md5', '{scheme: ketama, hash: md5}'],
  ['modulo crc32', '{scheme: modulo, hash: crc32}'],
  ['modulo fnv1a_64', '{scheme: modulo, hash: fnv1a_64}'],
  ['modulo xxh64', '{scheme: modulo, hash: xxh64}'],
  ['slots', '{scheme: slots}'],
  ['phpredis', '{scheme: phpredis}'],
  ['predis', '{scheme: predis}'],
  ['predis, ketama (md5)', '{scheme: predis, distributor: ketama}'],
  ['redis-rb', '{scheme: redis-rb}'],
  ['jedis', '{scheme: jedis}'],
  ['go-redis', '{scheme: go-redis}'],
  ['jump', '{scheme: jump}'],
  ['jump, fnv1a64', '{scheme: jump, digest: fnv1a64}'],
  ['envoy', '{scheme: envoy}'],
  ['envoy, maglev', '{scheme: envoy, policy: maglev}'],
  ['django-redis (sha256)', '{scheme: django-redis}'],
];

const keyCount = numberArgument(0, 5_000_000);
const rounds = numberArgument(1, 5);
const folder = temporaryFolder();
const keys = join(folder, 'keys.txt');
const bytes = writeKeys(keys, keyCount);
/** For a program that would take minutes: a tenth of them. */
const fewKeys = join(folder, 'few-keys.txt');
const fewCount = Math.ceil(keyCount / 10);
writeKeys(fewKeys, fewCount);
const bin = installedPackage(folder, {manifest: true});
const locate = (topology, ...flags) => [process.execPath, bin, 'locate', '-', '--topology', topology, ...flags];
const ketama = writeTopology(folder, 'start', '{scheme: ketama}');

/** The programs that rtopo is compared with, as far as they are installed. */
const peers = [
  {name: 'C loop, fnv1a_64 modulo', argv: compiled('locate.c')},
  {
    name: 'phpredis RedisArray::_target',
    argv: installed(['php', peer('phpredis.php')], ['php', '-r', 'new RedisArray([]);']),
  },
  {
    name: 'redis-rb Distributed#node_for',
    argv: installed(['ruby', peer('redis-rb.rb')], ['ruby', '-e', 'require "redis"']),
    input: fewKeys,
  },
].flatMap(({name, argv, input = keys}) => {
  if (argv === null) console.log(`${name}: not installed, left out`);
  return argv === null ? [] : [{name, argv, input}];
});

const commands = [
  {name: 'cat', argv: ['cat'], input: keys},
  {name: 'wc -l', argv: ['wc', '-l'], input: keys},
  ...peers,
  {name: 'no keys', argv: locate(ketama)},
  ...placements.map(([name, placement], i) => ({
    name,
    argv: locate(writeTopology(folder, `${i}`, placement)),
    input: keys,
  })),
  {name: 'ketama fnv1a_64, --json', argv: locate(ketama, '--json'), input: fewKeys},
];
const times = inTurns(commands, rounds);
const startUp = times.get('no keys');

console.log(
  `${(keyCount / 1e6).toFixed(1)} million keys, ${(bytes / keyCount - 1).toFixed(1)} bytes each; median of ${rounds} runs in turns`,
);
console.log(`start-up (no keys): ${median(startUp).toFixed(0)} ms`);
const foreign = new Set(['cat', 'wc -l', ...peers.map(({name}) => name)]);
const few = new Set(commands.filter(({input}) => input === fewKeys).map(({name}) => name));
const rate = (name, ms) => ((few.has(name) ? fewCount : keyCount) / ms / 1000).toPrecision(3);
printTable([
  ['', 'seconds', 'M keys/s', 'without start-up', 'fastest run'],
  ...[...times]
    .filter(([name]) => name !== 'no keys')
    .map(([name, values]) => {
      const own = foreign.has(name) ? [0] : startUp;
      const ms = median(values);
      return [
        name,
        (ms / 1000).toFixed(2),
        rate(name, ms),
        rate(name, ms - median(own)),
        rate(name, Math.min(...values) - Math.min(...own)),
      ];
    }),
]);

function peer(name) {
  return fileURLToPath(new URL(`peers/${name}`, import.meta.url));
}

function compiled(name) {
  const program = join(folder, 'c-loop');
  const {status} = spawnSync('cc', ['-O2', '-o', program, peer(name)], {stdio: 'ignore'});
  return status === 0 ? [program] : null;
}

/** `argv`, when `probe` succeeds. */
function installed(argv, probe) {
  return spawnSync(probe[0], probe.slice(1), {stdio: 'ignore'}).status === 0 ? argv : null;
}
