/** The published JSON Schema says the same as the parser, as far as a JSON Schema can. */
import {readFileSync} from 'node:fs';
import {toJsonSchema} from '@valibot/to-json-schema';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import * as v from 'valibot';
import {parse} from 'yaml';
import {schemes} from '../../src/placement/schemes.js';
import {type Converter, topologyJsonSchema} from '../../src/topology/json-schema.js';
import {parseTopology} from '../../src/topology/parse.js';
import {refusedBy} from './evaluate.js';
import {accepted, failureOf} from './failure.js';
import {MISTAKES} from './mistakes.js';
import {SHARD_MISTAKES} from './mistakes-shards.js';
import {MUTABLE, mutated, seeded} from './mutate.js';

const test = suite('topology/json-schema');

// The topology room takes any options; their own schemes judge them. Here are schemes that take them too.
const LENIENT = ['x', 'y', 'ketama', 'slots'].map((name) => ({name, summary: name, options: v.looseObject({})}));
const schema = topologyJsonSchema(toJsonSchema as Converter, LENIENT);
const isRefused = (text: string) => refusedBy(schema, parse(text, {logLevel: 'error'})) !== null;

/** What a JSON Schema cannot know: more than one place of the file, YAML's own ways, and what only looks like a secret. */
const BEYOND = new Set([
  'a directive',
  'a replacement character',
  'constructor, deep in the options',
  'a leading zero',
  'a name twice',
  'a node twice',
  'a node that is another name',
  'an address twice in a shard',
  'an address twice in the file',
  'a peer address twice',
  'announced twice',
  'of an unknown instance',
  'of something else',
  'of another shard',
  'of itself',
  'a circle',
]);

for (const [title, text] of [...MISTAKES, ...SHARD_MISTAKES]) {
  test(`a mistake that both see, or one: ${title}`, () => {
    failureOf(text);
    let refused: boolean;
    try {
      refused = isRefused(text);
    } catch {
      // Not YAML at all: there is nothing to hold against a schema.
      return;
    }
    assert.is(refused, !BEYOND.has(title));
  });
}

const RIGHT = [
  ...MUTABLE,
  'version: 1\nname: x\nreplicationAuth: false\ntls: {}\nshards: [{name: a, master: {address: "[::1]:1", auth: {passwordCommand: pass show x}, tls: false, peer: "redis://h:1", announce: "h:2", priority: 5}}]',
  'version: 1\nname: x\ntls: {cert: c, key: k, ca: a, serverName: s}\nauth: false\nshards: [{name: a, node: "any thing", weight: 1000000, master: "h:1", replicas: []}]',
  'version: 1\nname: x\nplacement: {scheme: y, hashTag: none, extra: [1, {a: b}]}\nshards: [{name: a, master: "h:1"}, {name: b, master: "h:2"}]',
];

for (const [i, text] of RIGHT.entries()) {
  test(`a file that both accept: ${i}`, () => {
    accepted(text, 'r');
    assert.is(refusedBy(schema, parse(text)), null);
  });
}

test('what the parser accepts of mutated files, the schema accepts', () => {
  const random = seeded(7);
  let both = 0;
  for (let i = 0; i < 1500; i += 1) {
    const text = mutated(MUTABLE[i % MUTABLE.length]!, random);
    try {
      parseTopology(text, 'r');
    } catch {
      continue;
    }
    const value = parse(text, {logLevel: 'error'}) as {placement?: {scheme: string}};
    if (value.placement === undefined || LENIENT.some(({name}) => name === value.placement?.scheme)) {
      assert.is(refusedBy(schema, value), null, JSON.stringify(text));
      both += 1;
    }
  }
  assert.ok(both > 25, `${both} files`);
});

test('every field explains itself on hover', () => {
  const silent: string[] = [];
  const walk = (node: unknown, path: string): void => {
    if (typeof node !== 'object' || node === null) {
      return;
    }
    const {
      properties,
      allOf: _,
      ...rest
    } = node as {properties?: Record<string, {description?: string}>; allOf?: unknown};
    for (const [key, field] of Object.entries(properties ?? {})) {
      if (typeof field.description !== 'string') {
        silent.push(`${path}.${key}`);
      }
      walk(field, `${path}.${key}`);
    }
    for (const [key, inner] of Object.entries(rest)) {
      if (['items', 'anyOf'].includes(key)) {
        for (const one of Array.isArray(inner) ? inner : [inner]) {
          walk(one, path);
        }
      }
    }
  };
  walk(schema, '');
  assert.equal(silent, []);
});

test('each scheme has its options and no others', () => {
  const own = topologyJsonSchema(toJsonSchema as Converter, [
    {name: 'x', summary: 'x', options: v.strictObject({hash: v.optional(v.picklist(['md5']), 'md5')})},
    {name: 'y', summary: 'y', options: v.strictObject({need: v.number()})},
  ]);
  const verdict = (placement: object) =>
    refusedBy(own, {version: 1, name: 'x', placement, shards: [{name: 'a', master: 'h:1'}]});
  assert.is(verdict({scheme: 'x'}), null);
  assert.is(verdict({scheme: 'x', hash: 'md5', hashTag: '{}'}), null);
  assert.is(verdict({scheme: 'y', need: 1}), null);
  assert.is(verdict({scheme: 'x', hash: 'sha'}), '#/placement/hash: none of md5');
  assert.is(verdict({scheme: 'x', need: 1}), '#/placement/need: nothing is allowed here');
  assert.is(verdict({scheme: 'y'}), '#/placement: no need');
  assert.is(verdict({scheme: 'z'}), '#/placement/scheme: not exactly one of the alternatives');
});

test('the published file is up to date', () => {
  const published = readFileSync('schema/rtopo.schema.json', 'utf8');
  const current = `${JSON.stringify(topologyJsonSchema(toJsonSchema as Converter, schemes), null, 2)}\n`;
  assert.ok(published === current, 'schema/rtopo.schema.json is stale: build, then run node scripts/schema.mjs');
});

test.run();
