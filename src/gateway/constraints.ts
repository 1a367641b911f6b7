import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { LRUCache } from 'lru-cache';
import { canonicalJson } from '../domain/digest.ts';
import { isRecord, type Json, type JsonObject } from '../domain/json.ts';
import { compilePattern, type Meter } from '../domain/linear-pattern.ts';
import { withImpliedTypes } from './implied-types.ts';

/** A compiled constraint: what is wrong with a value; undefined: nothing. Never throws: what cannot be checked is wrong. */
export type Constraint = (value: Json, budget: Budget) => string | undefined;

/** What checking may still cost: steps of patterns, and bytes of constraints times values in arguments. */
export type Budget = { patternSteps: number; work: number };

/** What all checks of one call may cost together: some 20 ms of each. */
export const newBudget = (): Budget => ({ patternSteps: 500_000, work: 5_000_000 });

/** A constraint, or why it is none. */
export type Compiled =
  | { readonly ok: true; readonly check: Constraint }
  | { readonly ok: false; readonly problem: string };

const MAX_TEXT = 300;

/** Of the check that runs now: checks are synchronous. */
const meter: Meter = { left: 0 };

/**
 * Ajv takes the patterns of schemas from here: its own way, JavaScript's, may backtrack for hours. It knows patterns by
 * their text: two with one text would be taken for the same.
 */
const regExp = Object.assign(
  (source: string) => ({ test: compilePattern(source, meter).test, toString: () => source }),
  { code: 'compilePattern' },
);

/** Keywords that would reach out of the schema, or that say nothing here and would be no limit. `nullable` is not JSON Schema. */
const REFUSED =
  /^(?:\$(?!comment$).*|definitions|dependencies|nullable|format|contentEncoding|contentMediaType|contentSchema)$/;

/** Schemas hold no ids, so one instance serves all of them. Unknown keywords are refused: a misspelt limit is no limit. */
const createAjv = (): Ajv2020 => {
  const ajv = new Ajv2020({
    strictSchema: true,
    strictTypes: false,
    strictTuples: false,
    // `toString` is no property of an object that does not have it.
    ownProperties: true,
    messages: true,
    logger: false,
    code: { regExp },
  });
  // Ajv compares all pairs, which long lists make slow.
  ajv.removeKeyword('uniqueItems');
  ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    error: { message: 'must not hold the same item twice' },
    validate: (isUnique: boolean, items: readonly unknown[]) =>
      !isUnique || new Set(items.map(canonicalJson)).size === items.length,
  });
  return ajv;
};

/** An instance keeps something of every schema that it has compiled; after so many, another one takes its place. */
const MAX_SCHEMAS = 500;
let current: { readonly ajv: Ajv2020; left: number } | undefined;

const takeAjv = (): Ajv2020 => {
  if (current === undefined || current.left === 0) current = { ajv: createAjv(), left: MAX_SCHEMAS };
  current.left -= 1;
  return current.ajv;
};

/** Values of these are no schemas, or schemas by name. */
const VALUES = new Set(['const', 'enum', 'default', 'examples']);
const NAMED = new Set(['properties', 'patternProperties', 'dependentSchemas']);

/** The first keyword that is refused, wherever it stands. */
const findRefused = (schema: unknown): string | undefined => {
  if (Array.isArray(schema)) return schema.map(findRefused).find((found) => found !== undefined);
  if (!isRecord(schema)) return undefined;
  for (const [keyword, value] of Object.entries(schema)) {
    if (REFUSED.test(keyword)) return keyword;
    const schemas = NAMED.has(keyword) && isRecord(value) ? Object.values(value) : value;
    const found = VALUES.has(keyword) ? undefined : findRefused(schemas);
    if (found !== undefined) return found;
  }
  return undefined;
};

/** How many values a value holds, itself included. @throws RangeError for what nests too deep for the stack */
const countValues = (value: unknown): number => {
  if (typeof value !== 'object' || value === null) return 1;
  let count = 1;
  for (const inner of Object.values(value)) count += countValues(inner);
  return count;
};

const describe = (validate: ValidateFunction): string => {
  const [error] = validate.errors ?? [];
  const { instancePath = '', message = 'is not allowed', params = {} } = error ?? {};
  const allowed = 'allowedValue' in params ? [params['allowedValue']] : params['allowedValues'];
  const values = Array.isArray(allowed) ? `: ${JSON.stringify(allowed).slice(1, -1)}` : '';
  return `${instancePath}${instancePath === '' ? '' : ' '}${message}${values}`.slice(0, MAX_TEXT);
};

const toConstraint =
  (validate: ValidateFunction, bytes: number): Constraint =>
  (value, budget) => {
    try {
      if (budget.work > 0) budget.work -= countValues(value) * bytes;
      if (budget.work <= 0) return 'is too large to be checked';
      meter.left = budget.patternSteps;
      const isMet = validate(value);
      budget.patternSteps = meter.left;
      return isMet ? undefined : describe(validate);
    } catch (error) {
      // INVARIANT T2: a rule that errs counts against the call.
      budget.patternSteps = meter.left;
      return `could not be checked: ${String(error).slice(0, MAX_TEXT)}`;
    }
  };

const compile = (schema: JsonObject, key: string): Compiled => {
  const refused = findRefused(schema);
  if (refused !== undefined)
    return { ok: false, problem: `${JSON.stringify(refused)} is not supported in a constraint` };
  const ajv = takeAjv();
  const typed = withImpliedTypes(schema) as JsonObject;
  try {
    return { ok: true, check: toConstraint(ajv.compile(typed), key.length) };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { ok: false, problem: `not a JSON Schema that can be checked: ${why.slice(0, MAX_TEXT)}` };
  }
};

const compiled = new LRUCache<string, Compiled>({ max: 2_000 });

/**
 * Compiles the JSON Schema (2020-12) of one argument. It holds no references, no `format`, no unknown keywords, and its
 * patterns none that may take more than linear time.
 */
export const compileConstraint = (schema: JsonObject): Compiled => {
  const key = canonicalJson(schema);
  const known = compiled.get(key) ?? compile(schema, key);
  compiled.set(key, known);
  return known;
};
