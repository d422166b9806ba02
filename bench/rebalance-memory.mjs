/** Does the memory of `rtopo rebalance` grow with the number of keys? See README.md. */
import {contenders} from './rebalance/contenders.mjs';
import {leaveWithoutServer, oneRun, openBench, thousands} from './rebalance/runs.mjs';
import {printTable} from './rig.mjs';

/** So that ten million keys need about 1.3 GB in all servers together. */
const VALUE_BYTES = 8;

const words = process.argv.slice(2);
const sizes = (words.length > 0 ? words : ['100000', '1000000', '10000000']).map(wholeNumber);
leaveWithoutServer();
const rows = [];
for (const keys of sizes) rows.push(await row(keys));
printTable([['keys', 'moved', 'seconds', 'keys/s', 'RSS MB', 'journal MB'], ...rows]);

async function row(keys) {
  const bench = await openBench({keys, valueBytes: VALUE_BYTES, mixed: false});
  const rtopo = contenders(bench).find(({name}) => name === 'rtopo');
  const run = await oneRun(rtopo, `${thousands(keys)} keys`);
  if (run === null) return [thousands(keys), 'failed', '', '', '', ''];
  const {moved, seconds, rate, memory, journalMegabytes} = run;
  const figures = [moved, seconds, rate].map((value, i) => (i === 1 ? value.toFixed(1) : thousands(value)));
  return [thousands(keys), ...figures, memory?.toFixed(0) ?? '–', journalMegabytes.toFixed(1)];
}

function wholeNumber(word) {
  const value = Number(word);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new Error(`'${word}' is not a whole number above 0`);
}
