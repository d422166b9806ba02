/**
 * A small evaluator of JSON Schema (draft 7): the keywords that our schema uses, and an error for every other one, so
 * that a new keyword cannot go unjudged. Written for the tests only.
 */
type Schema = boolean | {readonly [keyword: string]: unknown};

const SILENT = new Set(['$schema', '$id', 'title', 'description', 'default', 'then', 'else']);

/** The first reason why `value` is not allowed, or null. */
export function refusedBy(schema: Schema, value: unknown, path = '#'): string | null {
  if (typeof schema === 'boolean') {
    return schema ? null : `${path}: nothing is allowed here`;
  }
  for (const [keyword, rule] of Object.entries(schema)) {
    if (SILENT.has(keyword)) {
      continue;
    }
    const judge = Object.hasOwn(KEYWORDS, keyword) ? KEYWORDS[keyword] : undefined;
    if (judge === undefined) {
      throw new Error(`${path}: the test does not know the keyword ${keyword}`);
    }
    const reason = judge(rule as never, value, path, schema);
    if (reason !== null) {
      return reason;
    }
  }
  return null;
}

type Judge = (
  rule: never,
  value: unknown,
  path: string,
  schema: {readonly [keyword: string]: unknown},
) => string | null;
type Properties = Readonly<Record<string, Schema>>;

const fail = (isRight: boolean, reason: string): string | null => (isRight ? null : reason);
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const first = (reasons: readonly (string | null)[]): string | null => reasons.find((reason) => reason !== null) ?? null;

const KEYWORDS: Readonly<Record<string, Judge>> = {
  type: (rule: string, value, path) => fail(isOfType(rule, value), `${path}: not of type ${rule}`),
  const: (rule: unknown, value, path) => fail(value === rule, `${path}: not ${rule}`),
  enum: (rule: unknown[], value, path) => fail(rule.includes(value), `${path}: none of ${rule}`),
  properties: (rule: Properties, value, path) =>
    isObject(value)
      ? first(
          Object.entries(rule).map(([key, inner]) =>
            Object.hasOwn(value, key) ? refusedBy(inner, value[key], `${path}/${key}`) : null,
          ),
        )
      : null,
  required: (rule: string[], value, path) =>
    isObject(value) ? first(rule.map((key) => fail(Object.hasOwn(value, key), `${path}: no ${key}`))) : null,
  additionalProperties: (rule: Schema, value, path, schema) => {
    const known = Object.keys((schema.properties as Properties | undefined) ?? {});
    const others = isObject(value) ? Object.keys(value).filter((key) => !known.includes(key)) : [];
    return first(others.map((key) => refusedBy(rule, (value as Record<string, unknown>)[key], `${path}/${key}`)));
  },
  propertyNames: (rule: Schema, value, path) =>
    isObject(value) ? first(Object.keys(value).map((key) => refusedBy(rule, key, `${path}/${key}`))) : null,
  dependencies: (rule: Record<string, string[]>, value, path) =>
    isObject(value)
      ? first(
          Object.entries(rule).map(([key, needed]) =>
            fail(
              !Object.hasOwn(value, key) || needed.every((other) => Object.hasOwn(value, other)),
              `${path}: ${key} needs ${needed}`,
            ),
          ),
        )
      : null,
  items: (rule: Schema, value, path) =>
    Array.isArray(value) ? first(value.map((item, i) => refusedBy(rule, item, `${path}/${i}`))) : null,
  minItems: (rule: number, value, path) => fail(!Array.isArray(value) || value.length >= rule, `${path}: too few`),
  maxLength: (rule: number, value, path) =>
    fail(typeof value !== 'string' || [...value].length <= rule, `${path}: too long`),
  minimum: (rule: number, value, path) =>
    fail(typeof value !== 'number' || value >= rule, `${path}: less than ${rule}`),
  maximum: (rule: number, value, path) =>
    fail(typeof value !== 'number' || value <= rule, `${path}: more than ${rule}`),
  // The flag is that of JSON Schema: patterns are Unicode.
  pattern: (rule: string, value, path) =>
    fail(typeof value !== 'string' || new RegExp(rule, 'u').test(value), `${path}: not like ${rule}`),
  anyOf: (rule: Schema[], value, path) =>
    fail(
      rule.some((one) => refusedBy(one, value, path) === null),
      `${path}: none of the alternatives`,
    ),
  oneOf: (rule: Schema[], value, path) =>
    fail(
      rule.filter((one) => refusedBy(one, value, path) === null).length === 1,
      `${path}: not exactly one of the alternatives`,
    ),
  allOf: (rule: Schema[], value, path) => first(rule.map((one) => refusedBy(one, value, path))),
  not: (rule: Schema, value, path) => fail(refusedBy(rule, value, path) !== null, `${path}: excluded`),
  if: (rule: Schema, value, path, schema) => {
    const branch = refusedBy(rule, value, path) === null ? schema.then : schema.else;
    return branch === undefined ? null : refusedBy(branch as Schema, value, path);
  },
};

function isOfType(type: string, value: unknown): boolean {
  switch (type) {
    case 'object':
      return isObject(value);
    case 'array':
      return Array.isArray(value);
    case 'null':
      return value === null;
    case 'integer':
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}
