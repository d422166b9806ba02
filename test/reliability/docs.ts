/** docs/reliability.md, from the figures of the last runs, which it carries along: a run of one layer renews the figures of that layer alone. */
import {execFileSync} from 'node:child_process';
import {existsSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {repositoryRoot} from '../rig/cli.js';
import {serverVersion} from '../rig/processes.js';
import type {LayerResult} from './campaign.js';
import type {LayerName} from './layer.js';
import {layers} from './layers.js';
import {mutants as bugs} from './mutants.js';
import type {MutantResult} from './mutate.js';

const file = join(repositoryRoot, 'docs', 'reliability.md');

/** When and with what a figure was made. */
interface Made {
  readonly date: string;
  readonly commit: string;
  readonly servers: string;
  readonly node: string;
}

export type LayerFigures = LayerResult & Made;

type PlantedResult = MutantResult & Pick<Made, 'commit'>;

interface Figures {
  readonly layers: Readonly<Record<string, LayerFigures>>;
  readonly mutants: (Made & {readonly results: readonly PlantedResult[]}) | null;
}

const mark = /<!-- figures (.*) -->/;

function readFigures(): Figures {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const found = mark.exec(text)?.[1];
  return found === undefined ? {layers: {}, mutants: null} : (JSON.parse(found) as Figures);
}

function made(): Made {
  const run = (program: string, ...args: string[]) =>
    execFileSync(program, args, {encoding: 'utf8', cwd: repositoryRoot}).trim();
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: run('git', 'rev-parse', '--short', 'HEAD'),
    servers: `redis-server ${serverVersion()}`,
    node: process.versions.node,
  };
}

/** @param before what the figures are added to: those of an earlier run with another seed, or none */
export function writeLayerFigures(result: LayerResult, before: LayerFigures | null): void {
  const figures = readFigures();
  const sum = before === null ? result : added(before, result);
  write({...figures, layers: {...figures.layers, [result.name]: {...sum, ...made()}}});
}

export function layerFigures(name: LayerName): LayerFigures | null {
  return readFigures().layers[name] ?? null;
}

function added(before: LayerFigures, more: LayerResult): LayerResult {
  const met = {...before.met};
  for (const [what, cases] of Object.entries(more.met)) met[what] = (met[what] ?? 0) + cases;
  return {
    ...more,
    seed: `${before.seed}, ${more.seed}`,
    cases: before.cases + more.cases,
    checks: before.checks + more.checks,
    missed: before.missed + more.missed,
    failures: [...before.failures, ...more.failures],
    met,
    seconds: before.seconds + more.seconds,
  };
}

/** Of bugs that were not planted this time, what was found the last time stays, with the commit at which that was. */
export function writeMutantFigures(results: readonly MutantResult[]): void {
  const figures = readFigures();
  const {commit} = made();
  const fresh = results.map((result) => ({...result, commit}));
  const now = new Map([...(figures.mutants?.results ?? []), ...fresh].map((result) => [result.name, result]));
  const all = bugs.flatMap(({name}) => now.get(name) ?? []);
  write({...figures, mutants: {...made(), results: all}});
}

function write(figures: Figures): void {
  // The mark must not end early, whatever a failure has to say.
  const carried = JSON.stringify(figures).replaceAll('--', '-\\u002d');
  writeFileSync(
    file,
    `${[head, table(figures), ...sections(figures), mutants(figures), foot].join('\n\n')}\n\n<!-- figures ${carried} -->\n`,
  );
}

const head = `# How reliable rtopo is, and how we know

\`rtopo rebalance\` is attacked from outside, as a black box: the real command line, real servers, the file system, system calls, the network.
Nothing in the product knows of these tests. Every case is a small world of its own: three servers with 60 to 100 keys of every type and encoding,
streams with consumer groups and pending entries, expiries, binary and very long names, three databases; a change of the topology that moves some of
them; and one fault. A reader that shares no code with rtopo then looks at every server, **before** anything is mended (no key may be lost: each is
on one server at least, with its value and its expiry, and nothing else is anywhere) and **after** one resume, or after what the message tells to do
(each key exactly once, on its owner, equal to the last pending entry and the last millisecond; the exit code right; a second resume changes nothing;
no lock left, and nothing else of rtopo's own that would stay).

The layers \`switchover\`, \`gap\` and \`replicate\` do the same to changes of replication, on servers of their own: never two masters that take writes, nothing
wiped, no acknowledged write lost, and one command that ends it.

\`\`\`sh
npm run build
node test/reliability/run.mjs --layer all --write-docs        # everything below, and this page
node test/reliability/run.mjs --layer kill --cases 40 --seed 7 --write-docs --add        # added to the figures of other seeds
node test/reliability/run.mjs --replay kill:join:run:fsync@12:5
\`\`\`

A bounded share with a fixed seed is part of \`npm test\` (\`test/migration/reliability.test.ts\`).`;

function table({layers: found}: Figures): string {
  const rows = layers.map(({name}) => {
    const one = found[name];
    if (one === undefined) return `| ${name} | not run yet | | | | |`;
    const checks = one.checks > one.cases ? ` (${one.checks.toLocaleString('en')} checks)` : '';
    return `| ${name} | ${one.cases}${checks} | ${one.failures.length} | ${one.seed} | ${one.date} | ${one.servers}, Node ${one.node}, ${one.commit} |`;
  });
  return ['| layer | cases | failed | seed | date | with |', '| --- | --- | --- | --- | --- | --- |', ...rows].join(
    '\n',
  );
}

function sections({layers: found}: Figures): string[] {
  return layers.map((layer) => {
    const one = found[layer.name];
    const parts = [`## ${layer.name}`, layer.about];
    if (one === undefined) return parts.join('\n\n');
    const met = Object.entries(one.met).sort(([a], [b]) => (a < b ? -1 : 1));
    parts.push(
      ['| the fault met | cases |', '| --- | --- |', ...met.map(([what, cases]) => `| ${what} | ${cases} |`)].join(
        '\n',
      ),
    );
    if (one.missed > 0)
      parts.push(
        `In ${one.missed} more cases the run was over before the fault came; they prove nothing and are not counted.`,
      );
    if (one.failures.length > 0)
      parts.push(
        ['Failed:', '', ...one.failures.map(({id, why}) => `- \`${layer.name}:${id}\`: ${escaped(why)}`)].join('\n'),
      );
    return parts.join('\n\n');
  });
}

const escaped = (text: string): string => text.replace(/[<>|`*_]/g, (sign) => `\\${sign}`);

function mutants({mutants: found}: Figures): string {
  const about = `## Planted bugs

Each of these is planted into a copy of the sources, which is built and put to the tests. A test that does not notice is no test; a bug that
no longer fits the sources makes the run fail until its line in \`test/reliability/mutants.ts\` is mended.
\`node test/reliability/run.mjs --layer mutants --write-docs\``;
  if (found === null) return `${about}\n\nNot run yet.`;
  const rows = found.results.map(
    ({name, about: what, outcome, by, commit}) =>
      `| ${name} | ${what} | ${outcome} | ${by === null ? '' : `\`${by}\``} | ${commit} |`,
  );
  return [
    about,
    '',
    `Last written ${found.date}:`,
    '',
    '| planted | what it does | outcome | noticed by | at |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

const foot = `## What this does not prove

- **A power cut is simulated for rtopo's own host.** The run is killed at a boundary while its file operations are recorded; then whatever no fsync
  had covered when it died is taken away (all of it, a tail, a tail with zeros in its place, single sectors), and names that were not synced with
  their folder go back to what they were. That finds a missing or a late fsync, and a record that cannot be read when it is torn. It believes the
  fsyncs: a disk that lies about them is not simulated, nor is a file system that reorders an fsynced write. The servers live on, with what they
  had been sent at that moment.
- With single sectors lost inside a record that was never confirmed, the reader may refuse the journal (exit 1) instead of dropping the record.
  Nothing is changed then; such cases are counted as refused.
- **A server that loses what it had durably acknowledged** after the cutover takes along what was deleted at its source, and the batch whose deletion
  is on its way. What the sources still hold then must not get lost, and that is what is checked.
- Faults come one at a time. The worlds are small: what needs many keys is not found here.`;
