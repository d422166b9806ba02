/**
 * How fast `rtopo rebalance` moves a third of the keys to a third shard, beside the programs that people use for it and a pump in C
 * that knows no safety: the same data set, in turns, each on fresh servers, each checked afterwards. See README.md.
 */
import {writeFileSync} from 'node:fs';
import {parseArgs} from 'node:util';
import {contenders} from './rebalance/contenders.mjs';
import {idlePing} from './rebalance/measure.mjs';
import {printPhases, printRates, printStandings} from './rebalance/report.mjs';
import {leave, leaveWithoutServer, oneRun, openBench, thousands, withStage} from './rebalance/runs.mjs';
import {plainStage} from './rebalance/stages.mjs';

const options = typed();
const [keys, rounds, valueBytes] = ['keys', 'rounds', 'value'].map(wholeNumber);
leaveWithoutServer();
const variants = options.variant.map((text) => {
  const [name, ...flags] = text.split('=');
  return {name: `rtopo-${name}`, args: words(flags.join('='))};
});
const bench = await openBench({keys, valueBytes, mixed: options.mixed}, {rtopoArgs: words(options.rtopo), variants});
const field = present(chosen(contenders(bench)));

const results = new Map(field.map(({name}) => [name, []]));
for (let round = 1; round <= rounds; round++) {
  for (const contender of field) results.get(contender.name).push(await oneRun(contender, `round ${round}`));
}
const idle = await withStage(async () => plainStage(bench.folder, await bench.plain()), idlePing);

const kind = options.mixed ? 'of mixed types' : `strings of ${valueBytes} bytes`;
console.log(`\n${thousands(keys)} keys, ${kind}; 2 → 3 shards, a third moves; medians of ${rounds} runs in turns`);
printRates(results, idle);
printPhases(results);
printStandings(results);
if (options.out !== undefined) {
  writeFileSync(options.out, `${JSON.stringify({options, idle, results: Object.fromEntries(results)}, null, 1)}\n`);
}

function typed() {
  const text = (fallback) => ({type: 'string', default: fallback});
  const size = {keys: text('1000000'), rounds: text('5'), value: text('100'), mixed: {type: 'boolean', default: false}};
  const who = {only: {type: 'string'}, rtopo: text(''), variant: {type: 'string', multiple: true, default: []}};
  try {
    return parseArgs({options: {...size, ...who, out: {type: 'string'}}}).values;
  } catch (error) {
    return leave(error.message);
  }
}

function chosen(all) {
  const known = all.map(({name}) => name);
  const names = options.only?.split(',') ?? known;
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) leave(`--only knows ${known.join(', ')}; not ${unknown.join(', ')}`);
  return all.filter(({name}) => names.includes(name) || variants.some((variant) => variant.name === name));
}

/** Those whose programs are here; of the others, what to install. */
function present(wanted) {
  return wanted.filter(({name, missing}) => {
    const what = missing();
    if (what !== null) console.log(`${name}: left out, it needs ${what}`);
    return what === null;
  });
}

function words(text) {
  return text.split(/\s+/).filter((word) => word !== '');
}

function wholeNumber(name) {
  const value = Number(options[name]);
  if (Number.isSafeInteger(value) && value > 0) return value;
  return leave(`--${name} takes a whole number above 0, not '${options[name]}'`);
}
