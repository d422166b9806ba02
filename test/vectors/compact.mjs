/**
 * Makes the files of this folder from the raw vectors: `node compact.mjs RAW_FOLDER [SYSTEM…]`.
 *
 * Cases share their keys and repeat their owners, so both are stored once: `keySets` holds each distinct list of keys
 * (base64), a case names its list and gives its owners as indices into its own list of distinct owners.
 */
import {readdirSync, readFileSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {gzipSync} from 'node:zlib';

const here = dirname(fileURLToPath(import.meta.url));
const [raw, ...named] = process.argv.slice(2);
if (raw === undefined) throw new Error('usage: node compact.mjs RAW_FOLDER [SYSTEM…]');

const all = readdirSync(raw).flatMap((name) => (name.endsWith('.json') ? [name.slice(0, -5)] : []));
for (const system of named.length > 0 ? named : all) {
  const source = JSON.parse(readFileSync(join(raw, `${system}.json`), 'utf8'));
  // Raw hashes and the constants of unit tests have no lists of owners: they are small as they are.
  const compacted = source.cases?.[0].owners === undefined ? source : compact(source);
  const file = join(here, `${system}.json.gz`);
  writeFileSync(file, gzipSync(JSON.stringify(compacted), {level: 9}));
  console.log(`${system}: ${readFileSync(file).length} bytes`);
}

function compact({cases, ...origin}) {
  const numbers = new Map();
  const keySets = [];
  return {
    ...origin,
    keySets,
    cases: cases.map(({keys_base64, owners, ...rest}) => {
      const text = keys_base64.join(' ');
      if (!numbers.has(text)) numbers.set(text, keySets.push(keys_base64) - 1);
      const distinct = [...new Set(owners)];
      return {...rest, keySet: numbers.get(text), distinct, owners: owners.map((owner) => distinct.indexOf(owner))};
    }),
  };
}
