/** ARCHITECTURE.md, enforced. The checking function is shown one offender per rule before it is trusted with the house. */
import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {repositoryRoot} from './rig/cli.js';
import {type Edges, importsOf, owners, pureFiles, pureFolders, rooms, violations} from './rig/house.js';
import {codeOnly} from './rig/lexer.js';

const test = suite('architecture');

const page = readFileSync(join(repositoryRoot, 'ARCHITECTURE.md'), 'utf8');

function sourcesOfTheHouse(): Map<string, string> {
  const names = readdirSync(join(repositoryRoot, 'src'), {recursive: true, encoding: 'utf8'});
  const files = names.map((name) => `src/${name.replaceAll('\\', '/')}`).filter((name) => name.endsWith('.ts'));
  return new Map(files.sort().map((name) => [name, readFileSync(join(repositoryRoot, name), 'utf8')]));
}

/** Rows of the table below a heading, as cells. */
function tableAfter(heading: string): string[][] {
  const section = page.slice(page.indexOf(`## ${heading}`)).split('\n## ')[0]!;
  const rows = section.split('\n').filter((line) => line.startsWith('|'));
  return rows.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

test('the house keeps its rules', () => {
  const sources = sourcesOfTheHouse();
  assert.ok(sources.has('src/errors.ts') && sources.has('src/commands/locate.ts'), 'the sources were found');
  assert.equal(violations(sources), []);
});

test('every library that the package depends on has an owner, and the other way round', () => {
  const {dependencies} = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8'));
  assert.equal(Object.keys(owners).sort(), Object.keys(dependencies).sort());
});

test('the page and this test say the same of rooms', () => {
  const words = (edges: Edges | 'everything'): string => {
    if (edges === 'everything') return 'everything';
    const types = (edges.types ?? []).map((room) => `${room} types`);
    return [...edges.values, ...types].sort().join(', ') || 'nothing';
  };
  const pageRooms = tableAfter('Which room may know which').map(([room, cell]) => {
    const allTypes = cell!.startsWith('types of ');
    const parts = cell!.replace('types of ', '').split(/, | and /);
    const named = parts.map((part) => (allTypes ? `${part} types` : part.replace(/ \(types\)$/, ' types')));
    return [room!, named.sort().join(', ')] as const;
  });
  const testRooms = Object.entries(rooms).map(([room, edges]) => {
    // The renderers may name types of what they render, which the reports that they import are made of.
    const shown = room === 'render' && edges !== 'everything' ? {values: edges.values} : edges;
    return [room, words(shown)] as const;
  });
  assert.equal(Object.fromEntries(testRooms), Object.fromEntries(pageRooms));
});

test('the page and this test say the same of libraries and purity', () => {
  const table = tableAfter('Libraries: one owner each, one reason each');
  const pageOwners = table.map(([name, owner]) => [name!.replaceAll('`', ''), owner!.replaceAll('`', '').split(', ')]);
  assert.equal(owners, Object.fromEntries(pageOwners));
  const pure = page.slice(page.indexOf('**Pure**'), page.indexOf('`test/architecture.test.ts` enforces'));
  for (const folder of pureFolders) assert.ok(pure.includes(`\`${folder}/\``), folder);
  for (const file of pureFiles) assert.ok(pure.includes(`\`${file}\``), file);
});

/** A file of the house, what is wrong with it, and what must be said. */
const offenders: readonly [string, string, RegExp][] = [
  ['src/utils/x.ts', '', /no room 'utils'/],
  ['src/redis/helpers/x.ts', '', /must not be called 'helpers'/],
  ['src/main.ts', '', /no room 'main'/],
  ['src/errors.ts', `import {x} from './topology/types.js';`, /errors must not import topology/],
  ['src/redis/x.ts', `import type {Plan} from '../replication/plan.js';`, /redis must not import replication/],
  ['src/sandbox/x.ts', `export {y} from '../journal/y.js';`, /sandbox must not import journal/],
  ['src/placement/x.ts', `import {y} from '../topology/types.js';`, /use 'import type'/],
  ['src/placement/x.ts', `import {type Y} from '../topology/types.js';`, /use 'import type'/],
  ['src/report/x.ts', `import {y} from '../replication/plan.js';`, /types of replication only/],
  ['src/report/x.ts', `import type {y} from '../redis/info.js';`, /report must not import redis/],
  ['src/render/x.ts', `import {y} from '../topology/types.js';`, /types of topology only/],
  ['src/cli/x.ts', `const y = await import('../redis/connect.js');`, /cli must not import redis/],
  ['src/index.ts', `export * from './redis/info.js';`, /index must not import redis/],
  ['src/journal/x.ts', `import '../migration/copy.js';`, /journal must not import migration/],
  ['src/topology/x.ts', `import {y} from '../../test/rig/raw.js';`, /leaves src\/ for test\/rig/],
  ['src/redis/fleet.ts', `import {Redis} from 'ioredis';`, /'ioredis' belongs to redis\/connect\.ts/],
  ['src/redis/x.ts', `import type {Redis} from 'ioredis';`, /'ioredis' belongs to/],
  ['src/report/x.ts', `import {Flags} from '@oclif/core/flags';`, /'@oclif\/core' belongs to cli\/ and commands\//],
  ['src/cli/base.ts', `const i = await import('inquirer');`, /'inquirer' belongs to cli\/confirm\.ts/],
  ['src/cli/x.ts', `import _ from 'lodash';`, /'lodash' is not a library of this house/],
  ['src/render/x.ts', `import {readFileSync} from 'node:fs';`, /pure, but imports node:fs/],
  ['src/placement/x.ts', `import {readFile} from 'fs/promises';`, /pure, but imports fs\/promises/],
  ['src/render/x.ts', `import {env} from 'node:process';`, /pure, but imports node:process/],
  ['src/report/x.ts', `export const now = () => Date.now();`, /pure, but uses Date\.now/],
  ['src/replication/judge.ts', `export const now = new Date();`, /pure, but uses new Date\(\)/],
  ['src/migration/plan.ts', `const id = Math.random();`, /pure, but uses Math\.random/],
  ['src/migration/digest.ts', `const a = \`\${process.pid}\`;`, /pure, but uses process/],
  ['src/topology/diff.ts', `const {env} = process;`, /pure, but uses process/],
  ['src/placement/x.ts', `import {randomBytes} from 'node:crypto'; randomBytes(3);`, /uses node:crypto randomness/],
  ['src/commands/x.ts', 'const a = 1;\n'.repeat(71), /71 lines, at most 70/],
];

for (const [path, source, says] of offenders) {
  test(`reported: ${path} ${source.slice(0, 50).trim()}`, () => {
    const found = violations(new Map([[path, source]]));
    assert.ok(
      found.some((sentence) => says.test(sentence) && sentence.includes(path)),
      `${says} is not among ${JSON.stringify(found)}`,
    );
  });
}

test('not reported: what the page allows', () => {
  const innocent: readonly [string, string][] = [
    ['src/commands/x.ts', `import {Flags} from '@oclif/core';\nimport {y} from '../migration/copy.js';`],
    ['src/placement/x.ts', `import type {Y} from '../topology/types.js';\nimport {crc32} from 'node:zlib';`],
    ['src/report/x.ts', `export type {Plan} from '../replication/plan.js';`],
    ['src/render/x.ts', `// process.env and import {x} from 'node:fs'\nconst s = 'process.env, Date.now()';`],
    ['src/render/y.ts', `const d = (ms: number) => new Date(ms); const r = /['"]/; const text = "don't";`],
    [
      'src/render/z.ts',
      `const t = \`a \${d(\`process.env \${1}\`)} import("ioredis")\`; interface A {process: string}`,
    ],
    ['src/redis/connect.ts', `import {Redis} from 'ioredis';\nimport {connect} from 'node:net';\nDate.now();`],
    ['src/sandbox/process.ts', `import {utils} from './utils.js'; process.exit();`],
    ['src/commands/long.ts', `${'const a = 1;\n'.repeat(70)}\n`],
  ];
  assert.equal(violations(new Map(innocent)), []);
});

test('a light door that loads a heavy library is reported with the way it takes', () => {
  const sources = new Map([
    ['src/index.ts', `export * from './topology/a.js';`],
    ['src/topology/a.ts', `import type {t} from '../redis/connect.js';\nimport {b} from './b.js';`],
    ['src/topology/b.ts', `export {c} from '../redis/connect.js';`],
    ['src/redis/connect.ts', `import {Redis} from 'ioredis';\nconst later = () => import('@oclif/core');`],
    ['src/commands/locate.ts', `import {x} from '../cli/base.js';\nconst r = await import('../redis/connect.js');`],
    ['src/cli/base.ts', `import {Command} from '@oclif/core';`],
  ]);
  const doors = violations(sources).filter((sentence) => sentence.includes(' loads '));
  assert.equal(doors, [
    'src/index.ts loads ioredis: src/index.ts → src/topology/a.ts → src/topology/b.ts → src/redis/connect.ts → ioredis',
  ]);
  sources.set('src/cli/base.ts', `import {connect} from '../redis/connect.js';`);
  assert.match(violations(sources).join('\n'), /src\/commands\/locate\.ts loads ioredis: .* → src\/cli\/base\.ts → /);
});

test('imports are found in every form, comments and strings are not code', () => {
  const source = `/** import {no} from 'no-1'; */
    import a from 'p1';
    import * as b from "p2";
    import c, {
      d,
      type E,
    } from './p3.js';
    import type F from 'p4'; import 'p5';
    export * from '../p6/x.js'; export type {G} from 'p7';
    const s = "import x from 'no-2'"; const t = \`import 'no-3' \${await import('p8')}\`; // import 'no-4'
    type H = import('p9').H; const r = /import 'no-5'/;`;
  const found = importsOf('src/redis/x.ts', source);
  assert.equal(found.map(({target}) => target).sort(), [
    'p1',
    'p2',
    'p4',
    'p5',
    'p7',
    'p8',
    'p9',
    'src/p6/x.ts',
    'src/redis/p3.ts',
  ]);
  assert.equal(
    found.filter(({typeOnly}) => typeOnly).map(({target}) => target),
    ['p4', 'p7'],
  );
  assert.equal(
    found.filter(({dynamic}) => dynamic).map(({target}) => target),
    ['p8', 'p9'],
  );
  assert.is(codeOnly(`a / b / c; x = /'/.test("/*") // '`), `a / b / c; x = / /.test("  ")     `);
});

test.run();
