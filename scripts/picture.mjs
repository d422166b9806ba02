/**
 * Draws docs/terminal.svg: the README's picture, from the real output of real commands on real servers.
 * Run it after `npm run build`, when what commands print has changed.
 */
import {execFileSync, spawnSync} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {sampleKeys, writeSamples} from '../dist/sandbox/sample.js';
import {parseTopology} from '../dist/topology/parse.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const program = join(root, 'bin/run.js');
const cwd = mkdtempSync(join(tmpdir(), 'rtopo-picture-'));
const env = {...process.env, FORCE_COLOR: '1', RTOPO_STATE: join(cwd, 'state')};
delete env.NO_COLOR;

function rtopo(args, input) {
  const {stdout, stderr, status} = spawnSync(process.execPath, [program, ...args], {
    cwd,
    env,
    input,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
  if (status !== 0) throw new Error(`rtopo ${args.join(' ')} ended with ${status}: ${stderr}`);
  return {stdout, stderr};
}

/** Talk and data as a terminal interleaves them: the plan comes first, then the report. */
function session() {
  const {result} = JSON.parse(rtopo(['sandbox', 'up', '--json']).stdout);
  rtopo(['replicate', '--yes']);
  const samples = sampleKeys(50_000, Date.now());
  const located = rtopo(['locate', '-', '--no-color'], samples.map(({key}) => key).join('\n')).stdout;
  const {topology} = parseTopology(readFileSync(join(cwd, 'rtopo.yml'), 'utf8'), 'rtopo.yml');
  return writeSamples(
    topology,
    samples,
    located.split('\n').map((line) => line.split('\t')[2] ?? ''),
  ).then(() => {
    const add = result.spares[0].add.split(',')[0];
    const status = rtopo(['status']).stdout;
    const move = rtopo(['rebalance', '--add', add, '--yes']);
    const shorter = (text) => text.replaceAll(`${cwd}/`, '').replace(/^.*journal.*\n/m, '');
    return [
      ['rtopo status', shorter(status)],
      [
        `rtopo rebalance --add ${add}`,
        shorter(move.stderr.replace(/\n(copying|copied|verified|cutover|pruning)(?=\n)/g, '')) + shorter(move.stdout),
      ],
    ];
  });
}

const colors = {31: '#f47067', 32: '#57ab5a', 33: '#c69026', 36: '#39c5cf'};
const [size, line, pad, columns] = [14, 19, 18, 84];

function xmlText(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

/** One line with its escape sequences as SVG spans. */
function spans(text) {
  let [style, out] = ['', ''];
  for (const part of text.split(/(\u001b\[\d+m)/)) {
    const code = /^\u001b\[(\d+)m$/.exec(part)?.[1];
    if (code === undefined) out += part === '' ? '' : `<tspan${style}>${xmlText(part)}</tspan>`;
    else if (colors[code]) style = ` fill="${colors[code]}"`;
    else if (code === '1') style = ' font-weight="bold"';
    else if (code === '2') style = ' fill="#768390"';
    else style = '';
  }
  return out;
}

try {
  const chapters = await session();
  const lines = chapters.flatMap(([command, output]) => [
    `\u001b[2m$\u001b[0m \u001b[36m${command}\u001b[0m`,
    ...output.trimEnd().split('\n'),
    '',
  ]);
  const text = lines
    .map((one, i) => `<text x="${pad}" y="${pad + 12 + i * line}" xml:space="preserve">${spans(one)}</text>`)
    .join('\n');
  const [width, height] = [Math.round(columns * size * 0.602) + 2 * pad, lines.length * line + pad];
  writeFileSync(
    join(root, 'docs/terminal.svg'),
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="${size}" fill="#adbac7">\n<rect width="100%" height="100%" rx="8" fill="#1c2128"/>\n${text}\n</svg>\n`,
  );
} finally {
  execFileSync(process.execPath, [program, 'sandbox', 'down'], {cwd, env, stdio: 'ignore'});
  rmSync(cwd, {recursive: true, force: true});
}
