/** What the runs came to, as tables. */
import {median, printTable} from '../rig.mjs';
import {thousands} from './runs.mjs';

const PING = ['p50', 'p99', 'max'];
const BASE = 'c-pump';

/**
 * @param {Map<string, object[]>} results runs by contender; null where one failed
 * @param {object} idle PINGs while nothing happens
 */
export function printRates(results, idle) {
  printTable([
    [
      '',
      'keys/s',
      `× ${BASE}`,
      'wall s',
      'tool CPU s',
      'servers CPU s',
      'CPU µs/key',
      'RSS MB',
      'PING source ms',
      'PING target ms',
    ],
    ...[...results].map(([name, runs]) => [
      name,
      rateOf(runs) === null ? 'failed' : thousands(rateOf(runs)),
      ratio(runs, results.get(BASE)),
      fixed(middle(runs, 'seconds'), 2),
      fixed(middle(runs, 'cpu'), 1),
      fixed(middle(runs, 'serverCpu'), 1),
      fixed(middle(runs.map(withCpuPerKey), 'cpuPerKey'), 1),
      fixed(middle(runs, 'memory'), 0),
      ...['sourcePing', 'targetPing'].map((side) =>
        pings((at) =>
          middle(
            runs.map((run) => run?.[side]),
            at,
          ),
        ),
      ),
    ]),
    ['idle', ...Array(7).fill(''), pings((at) => idle.sourcePing[at]), pings((at) => idle.targetPing[at])],
  ]);
  console.log('PING: of another client, every 5 ms; half of them within / 99 % within / the slowest');
}

/** Where rtopo spends its time. */
export function printPhases(results) {
  for (const [name, runs] of results) {
    const phases = runs.map((run) => run?.phases);
    const known = phases.find((seconds) => seconds != null);
    if (known === undefined) continue;
    console.log(
      `${name}: ${Object.keys(known)
        .map((phase) => `${phase} ${fixed(middle(phases, phase), 2)} s`)
        .join(', ')}`,
    );
  }
}

/** How rtopo stands to each of the others: the whole safe run to whole moves, its copies to copies. */
export function printStandings(results) {
  const copies = ['rtopo-copy', 'c-pump-copy'];
  const others = [...results.keys()].filter((name) => !name.startsWith('rtopo') && !copies.includes(name));
  for (const [own, other] of [...others.map((name) => ['rtopo', name]), copies]) {
    const text = ratio(results.get(own), results.get(other));
    if (text !== '–') console.log(`${own} is ${text} × ${other}`);
  }
}

/** Both sides' processor time by key: other work on the machine disturbs it less than it does the clock. */
function withCpuPerKey(run) {
  if (run === null || run.cpu === null || run.serverCpu === null) return null;
  return {cpuPerKey: ((run.cpu + run.serverCpu) / run.moved) * 1e6};
}

const rateOf = (runs) => middle(runs, 'rate');

/** The median of one figure over the runs that have it; null when none has. */
function middle(runs, figure) {
  const known = runs.map((run) => run?.[figure]).filter((value) => value != null);
  return known.length === 0 ? null : median(known);
}

function pings(figure) {
  return PING.map((at) => fixed(figure(at), 2)).join(' / ');
}

function fixed(value, digits) {
  return value === null ? '–' : value.toFixed(digits);
}

/** The median of the ratios within each round: what slowed a whole round down does not count. */
function ratio(runs = [], others = []) {
  const ratios = runs.map((run, round) => ({ratio: run && others[round] ? run.rate / others[round].rate : null}));
  return middle(ratios, 'ratio')?.toPrecision(2) ?? '–';
}
