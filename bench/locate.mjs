/** How many keys a second `rtopo locate -` answers, by scheme and hash, beside `cat` and `wc -l` on the same file. See README.md. */
import {join} from 'node:path';
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
  ['modulo fnv1a_32', '{scheme: modulo, hash: fnv1a_32}'],
  ['slots', '{scheme: slots}'],
];

const keyCount = numberArgument(0, 5_000_000);
const rounds = numberArgument(1, 5);
const folder = temporaryFolder();
const keys = join(folder, 'keys.txt');
const bytes = writeKeys(keys, keyCount);
const bin = installedPackage(folder, {manifest: true});
const locate = (topology, ...flags) => [process.execPath, bin, 'locate', '-', '--topology', topology, ...flags];
const ketama = writeTopology(folder, 'start', '{scheme: ketama}');

const commands = [
  {name: 'cat', argv: ['cat'], input: keys},
  {name: 'wc -l', argv: ['wc', '-l'], input: keys},
  {name: 'no keys', argv: locate(ketama)},
  ...placements.map(([name, placement], i) => ({
    name,
    argv: locate(writeTopology(folder, `${i}`, placement)),
    input: keys,
  })),
  {name: 'ketama fnv1a_64, --json', argv: locate(ketama, '--json'), input: keys},
];
const times = inTurns(commands, rounds);
const startUp = times.get('no keys');

console.log(
  `${(keyCount / 1e6).toFixed(1)} million keys, ${(bytes / keyCount - 1).toFixed(1)} bytes each; median of ${rounds} runs in turns`,
);
console.log(`start-up (no keys): ${median(startUp).toFixed(0)} ms`);
const rate = (ms) => (keyCount / ms / 1000).toFixed(1);
printTable([
  ['', 'seconds', 'M keys/s', 'without start-up', 'fastest run'],
  ...[...times]
    .filter(([name]) => name !== 'no keys')
    .map(([name, values]) => {
      const own = name === 'cat' || name === 'wc -l' ? [0] : startUp;
      const ms = median(values);
      return [
        name,
        (ms / 1000).toFixed(2),
        rate(ms),
        rate(ms - median(own)),
        rate(Math.min(...values) - Math.min(...own)),
      ];
    }),
]);
