import { canonicalJson } from '../domain/digest.ts';
import { constraintsOf, coversPattern, type Grant, matchesTool, toKey, toolOf } from '../domain/grants.ts';
import type { Json, JsonObject } from '../domain/json.ts';
import { compileConstraint, newBudget } from './constraints.ts';
import { withImpliedTypes } from './implied-types.ts';

/** The values that a schema names one by one; undefined where it names none. */
const namedValues = (schema: JsonObject): readonly Json[] | undefined => {
  if ('const' in schema) return [schema['const'] ?? null];
  const values = schema['enum'];
  return Array.isArray(values) ? values : undefined;
};

const accepts = (schema: JsonObject, value: Json): boolean => {
  const constraint = compileConstraint(schema);
  return constraint.ok && constraint.check(value, newBudget()) === undefined;
};

/** Bounds by which a schema is narrower the lower, or the higher, they are. */
const UPPER = new Set(['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties']);
const LOWER = new Set(['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties']);

const isWithinBound = (keyword: string, inner: Json | undefined, outer: Json): boolean => {
  if (typeof inner !== 'number' || typeof outer !== 'number') return false;
  return (UPPER.has(keyword) && inner <= outer) || (LOWER.has(keyword) && inner >= outer);
};

const typesOf = (type: Json | undefined): readonly Json[] | undefined =>
  typeof type === 'string' ? [type] : Array.isArray(type) ? type : undefined;

const isWithinTypes = (inner: Json | undefined, outer: Json): boolean => {
  const given = typesOf(inner);
  const allowed = typesOf(outer);
  if (given === undefined || allowed === undefined) return false;
  return given.every((type) => allowed.includes(type) || (type === 'integer' && allowed.includes('number')));
};

const ANNOTATIONS = new Set(['title', 'description', '$comment', 'default', 'examples', 'deprecated']);

/** Keywords that look at others beside them: the same words may mean something else there. */
const isAlone = (keyword: string): boolean =>
  !/^(?:additional|unevaluated|items$|if$|then$|else$|contains$|minContains$|maxContains$)/.test(keyword);

const isKeywordMet = (keyword: string, value: Json, inner: JsonObject): boolean => {
  if (ANNOTATIONS.has(keyword)) return true;
  const given = inner[keyword];
  if (keyword === 'type') return isWithinTypes(given, value);
  if (isWithinBound(keyword, given, value)) return true;
  return isAlone(keyword) && given !== undefined && canonicalJson(given) === canonicalJson(value);
};

/** Tells whether every value that one constraint takes is certainly taken by another one. */
const isNarrowerSchema = (inner: JsonObject, outer: JsonObject): boolean => {
  // One that does not compile takes nothing at all.
  if (!compileConstraint(outer).ok) return false;
  if (canonicalJson(inner) === canonicalJson(outer)) return true;
  const values = namedValues(inner);
  if (values !== undefined) return values.every((value) => accepts(outer, value));
  if (Array.isArray(inner['allOf']) && inner['allOf'].some((part) => isNarrowerSchema(part as JsonObject, outer)))
    return true;
  const typed = withImpliedTypes(inner) as JsonObject;
  const wanted = Object.entries(withImpliedTypes(outer) as JsonObject);
  return wanted.every(([keyword, value]) => isKeywordMet(keyword, value, typed));
};

const isNarrower = (inner: Grant, outer: Grant): boolean => {
  if (!coversPattern(toolOf(outer), toolOf(inner))) return false;
  const own = constraintsOf(inner);
  return constraintsOf(outer).every(([pointer, schema]) =>
    own.some(([each, given]) => each === pointer && isNarrowerSchema(given, schema)),
  );
};

/**
 * Tells whether a set of grants certainly narrows another one: every call that it covers is covered by the other. Sound,
 * not complete: what cannot be told is no. Absent grants are everything.
 */
export const isSubset = (inner: readonly Grant[] | undefined, outer: readonly Grant[] | undefined): boolean => {
  if (outer === undefined) return true;
  return (inner ?? ['*']).every((grant) => outer.some((each) => isNarrower(grant, each)));
};

const merge = (one: Grant, other: Grant): Grant => {
  const args: Record<string, JsonObject> = {};
  for (const [pointer, schema] of [...constraintsOf(one), ...constraintsOf(other)]) {
    const key = toKey(pointer);
    const before = args[key];
    args[key] = before === undefined ? schema : { allOf: [before, schema] };
  }
  return Object.keys(args).length === 0 ? toolOf(one) : { tool: toolOf(one), args };
};

/** What both sets of grants cover; the first one names tools, not patterns. */
export const intersectGrants = (tools: readonly Grant[], outer: readonly Grant[] | undefined): readonly Grant[] => {
  if (outer === undefined) return tools;
  return tools.flatMap((grant) =>
    outer.filter((each) => matchesTool(toolOf(each), toolOf(grant))).map((each) => merge(grant, each)),
  );
};
