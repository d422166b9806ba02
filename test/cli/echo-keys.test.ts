import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {EndingWords, echoChosen, echoFolded, wordOf} from '../../src/cli/echo-keys.js';
import {KeyPass} from '../../src/cli/key-pass.js';
import {foldOf, type HashFunction} from '../../src/placement/hash/hash.js';
import {plainHashes, twemproxyHashes} from '../../src/placement/hash/hashes.js';
import {plainKeys, randomFrom, randomKeys} from '../placement/random.js';
import {placed} from '../placement/topologies.js';

const test = suite('cli/echo-keys');
const endings = ['\ta\n', '\tlonger\n', '\tno 3\n', '', '\t-\n'].map((text) => Buffer.from(text));
const separator = 0x0a;

/** Keys of any bytes but the separator, in every length and every position in a word. */
const keys = [
  ...randomKeys(4000, 21),
  ...Array.from({length: 40}, (_, length) => Buffer.alloc(length, 0x80 + length)),
  ...Array.from({length: 256}, (_, byte) => Buffer.from([byte, 0x0b, byte, 0x09, byte])),
  // Beside a zero byte, the test for one also flags a byte that differs in the lowest bit.
  ...Array.from({length: 40}, (_, length) => Buffer.alloc(length, 0x0b)),
].map((key) => key.filter((byte) => byte !== separator));

function expected(owner: HashFunction): Buffer {
  return Buffer.concat(keys.flatMap((key) => [key, endings.at(Math.max(-1, owner(key, 0, key.length)))!]));
}

/** All keys, each with its separator, `shift` bytes into memory, and three bytes of something behind them. */
function input(shift: number): {bytes: Buffer; view: DataView; to: number} {
  const lines = keys.flatMap((key) => [key, Buffer.from([separator])]);
  const bytes = Buffer.concat([Buffer.alloc(shift, separator), ...lines, Buffer.alloc(3, separator)]);
  return {bytes, view: new DataView(bytes.buffer, bytes.byteOffset), to: bytes.length - 3};
}

test('every key is followed by the ending that was chosen for it, wherever it lies in a word', () => {
  const choose: HashFunction = (bytes, start, end) => ((end - start + (bytes[start] ?? 0)) % 5) - 1;
  for (let shift = 0; shift < 4; shift++) {
    const {bytes, view, to} = input(shift);
    const out = Buffer.alloc(1 << 20);
    const words = new EndingWords(endings);
    const end = echoChosen(bytes, view, shift, to, wordOf(separator), new DataView(out.buffer), 0, choose, words);
    assert.ok(out.subarray(0, end).equals(expected(choose)));
  }
});

for (const [registry, hashes] of Object.entries({plainHashes, twemproxyHashes}))
  for (const [name, {signed, unsigned}] of Object.entries(hashes))
    for (const [char, hash] of Object.entries({signed, unsigned})) {
      const fold = foldOf(hash);
      if (fold === null) continue;
      test(`${registry}.${name}, ${char}: in one pass as key by key, with and without an opener`, () => {
        const ownerOfHash = (value: number): number => (value % 5) - 1;
        // Judges by another rule than the hash: what it was asked for can be told apart.
        const choose: HashFunction = (_, start, end) => (end - start) % 3;
        const opener = 0x7b;
        for (const open of [null, opener])
          for (let shift = 0; shift < 4; shift++) {
            const owner: HashFunction = (key, start, end) =>
              start === end || (open !== null && key.includes(open))
                ? choose(key, start, end)
                : ownerOfHash(hash(key, start, end));
            const {bytes, view, to} = input(shift);
            const out = Buffer.alloc(1 << 20);
            const end = echoFolded(
              ...([bytes, view, shift, to, wordOf(separator), wordOf(open ?? separator)] as const),
              ...([new DataView(out.buffer), 0, choose, fold, ownerOfHash, new EndingWords(endings)] as const),
            );
            assert.ok(out.subarray(0, end).equals(expected(owner)));
          }
      });
    }

test('schemes that fold answer in chunks of any size as they answer key by key', () => {
  const next = randomFrom(22);
  const names = ['a', 'b', 'c', 'd'];
  for (const scheme of ['modulo', 'ketama', 'slots'])
    for (const hashTag of ['none', '{}', '$$']) {
      const placement = placed({scheme, hashTag}, names);
      assert.ok(placement.folded !== null, scheme);
      const answers = [...names, '-'].map((name) => Buffer.from(`\t${name}\n`));
      const choice = {choose: placement.ownerIndex, folded: placement.folded, endings: answers};
      const pass = new KeyPass({null: false, base64: false}, choice);
      const all = [...keys, ...plainKeys(2000, 23)];
      const text = Buffer.concat(all.flatMap((key) => [key, Buffer.from('\n')]));
      const out: Buffer[] = [];
      for (let at = 0; at < text.length; ) {
        const size = 1 + (next() % 3000);
        // Memory of its own, so that nothing may be read behind the chunk.
        const chunk = Buffer.from(new Uint8Array(text.subarray(at, at + size)).buffer);
        out.push(Buffer.from(pass.push(chunk)));
        // Whoever reads a file reads it into the same memory again.
        chunk.fill(0x2e);
        at += size;
      }
      const lines = all.flatMap((key) => [key, Buffer.from(`\t${placement.ownerOf(key).name}\n`)]);
      assert.ok(Buffer.concat([...out, pass.end()]).equals(Buffer.concat(lines)), `${scheme} ${hashTag}`);
    }
});

test.run();
