/**
 * The published JSON Schema: the shape of the file, and for each placement scheme its options. The converter and the
 * schemes are handed in: the one is needed for publishing only, the others live above this room.
 */
import type * as v from 'valibot';
import {topologySchema} from './schema.js';

export type JsonSchema = {[key: string]: unknown};

/** `toJsonSchema` of `@valibot/to-json-schema`. */
export type Converter = (
  // biome-ignore lint/suspicious/noExplicitAny: the converter's own signature
  schema: v.GenericSchema<any>,
  config: {target: 'draft-07'; typeMode: 'input'; errorMode: 'throw'; ignoreActions: string[]},
) => object;

/** What the registry of placement schemes tells of each. */
export interface SchemeShape {
  readonly name: string;
  readonly summary: string;
  // biome-ignore lint/suspicious/noExplicitAny: every scheme has options of its own
  readonly options: v.GenericSchema<any>;
}

const ID = 'urn:rtopo:schema:topology:1';

/** Draft 7, which every editor knows. */
export function topologyJsonSchema(convert: Converter, schemes: readonly SchemeShape[]): JsonSchema {
  // Checks that are code have no counterpart; what can be said of them in JSON Schema is in `metadata`.
  const ignoreActions = ['check', 'raw_check', 'transform'];
  const config = {target: 'draft-07', typeMode: 'input', errorMode: 'throw', ignoreActions} as const;
  const toSchema = (schema: SchemeShape['options']) => convert(schema, {...config, ignoreActions}) as JsonSchema;
  const {$schema, ...root} = toSchema(topologySchema);
  const properties = root.properties as JsonSchema;
  const placement = properties.placement as JsonSchema;
  const fields = placement.properties as Record<string, JsonSchema>;
  const {pattern: _, ...scheme} = fields.scheme!;
  return {
    $schema,
    $id: ID,
    ...root,
    properties: {
      ...properties,
      placement: {
        ...placement,
        properties: {
          ...fields,
          scheme: {...scheme, oneOf: schemes.map(({name, summary}) => ({const: name, description: summary}))},
        },
        allOf: schemes.map((one) => optionsOf(one, toSchema)),
      },
    },
    // A choice of shards needs a rule.
    if: {properties: {shards: {type: 'array', minItems: 2}}, required: ['shards']},
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: {required: ['placement']},
  };
}

/** When the scheme is this one, its options and no others stand beside it. */
function optionsOf({name, options}: SchemeShape, toSchema: (schema: SchemeShape['options']) => JsonSchema): JsonSchema {
  const {$schema: _, properties, required, ...rest} = toSchema(options);
  return {
    if: {properties: {scheme: {const: name}}, required: ['scheme']},
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: {
      ...rest,
      properties: {scheme: true, hashTag: true, ...(properties as JsonSchema)},
      ...(Array.isArray(required) && required.length > 0 ? {required} : {}),
    },
  };
}
