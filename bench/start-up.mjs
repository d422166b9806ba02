/** How long the command line takes to do next to nothing, as a multiple of what Node itself takes. See README.md. */
import {installedPackage, inTurns, median, numberArgument, printTable, temporaryFolder, writeTopology} from './rig.mjs';

const rounds = numberArgument(0, 15);
const folder = temporaryFolder();
const topology = writeTopology(folder, 'rtopo', '{scheme: ketama}');
const node = process.execPath;

const commands = [{name: 'node -e 0', argv: [node, '-e', '0']}];
for (const manifest of [true, false]) {
  const bin = installedPackage(folder, {manifest});
  const how = manifest ? 'manifest' : 'no manifest';
  commands.push(
    {name: `rtopo --version (${how})`, argv: [node, bin, '--version']},
    {name: `rtopo --help (${how})`, argv: [node, bin, '--help']},
    {name: `rtopo status --help (${how})`, argv: [node, bin, 'status', '--help']},
    {name: `rtopo locate k (${how})`, argv: [node, bin, 'locate', 'k', '--topology', topology]},
  );
}

const times = inTurns(commands, rounds);
const base = median(times.get('node -e 0'));
printTable([
  [`median of ${rounds}`, 'ms', '× node -e 0', 'fastest ms'],
  ...[...times].map(([name, values]) => [
    name,
    median(values).toFixed(0),
    (median(values) / base).toFixed(2),
    Math.min(...values).toFixed(0),
  ]),
]);
