// Writes schema/rtopo.schema.json from the built code; with --check it only says (exit 1) whether the file is stale.
// Run after the build. RTOPO_DIST names another folder with the compiled code than dist/.
import {mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {dirname, resolve} from 'node:path';
import {fileURLToPath, pathToFileURL} from 'node:url';
import {toJsonSchema} from '@valibot/to-json-schema';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const dist = resolve(root, process.env.RTOPO_DIST ?? 'dist');
const target = resolve(root, 'schema/rtopo.schema.json');

const load = (file) => import(pathToFileURL(resolve(dist, file)).href);
const [{topologyJsonSchema}, {schemes}] = await Promise.all([
  load('topology/json-schema.js'),
  load('placement/schemes.js'),
]);
const text = `${JSON.stringify(topologyJsonSchema(toJsonSchema, schemes), null, 2)}\n`;

if (!process.argv.includes('--check')) {
  mkdirSync(dirname(target), {recursive: true});
  writeFileSync(target, text);
} else if (current() !== text) {
  console.error('schema/rtopo.schema.json is stale: run node scripts/schema.mjs after the build.');
  process.exitCode = 1;
}

function current() {
  try {
    return readFileSync(target, 'utf8');
  } catch {
    return null;
  }
}
