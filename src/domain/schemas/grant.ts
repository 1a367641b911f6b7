import { z } from 'zod';
import type { Grant } from '../grants.ts';
import { isRecord, type JsonObject, jsonBytes } from '../json.ts';

/** Bounds of the grants of one task: what a worker compiles for it, and tries at every call. */
const GRANT_BOUNDS = {
  grants: 200,
  /** Constrained arguments of one grant. */
  args: 20,
  /** Bytes of one constraint. */
  schema: 4 * 1024,
  /** How deep a constraint may nest. */
  depth: 12,
  /** Constraints of all grants together, and their bytes. */
  constraints: 100,
  bytes: 64 * 1024,
} as const;

/**
 * What is wrong with an argument's constraint as a value; what it means as a JSON Schema is checked where it is compiled.
 * `__proto__` is refused: parsing would drop it, and with it what it limits.
 */
const findFault = (value: unknown, depth = 0): string | undefined => {
  if (depth > GRANT_BOUNDS.depth) return `a constraint nests at most ${GRANT_BOUNDS.depth} levels`;
  if (Array.isArray(value)) return firstFault(value, depth);
  if (!isRecord(value)) return undefined;
  return Object.hasOwn(value, '__proto__')
    ? 'a constraint may not name __proto__'
    : firstFault(Object.values(value), depth);
};

const firstFault = (values: readonly unknown[], depth: number): string | undefined => {
  for (const value of values) {
    const fault = findFault(value, depth + 1);
    if (fault !== undefined) return fault;
  }
  return undefined;
};

const faultOf = (schema: unknown): string | undefined => {
  if (!isRecord(schema)) return 'a constraint is a JSON Schema, such as { "maximum": 50 }';
  const fault = findFault(schema);
  if (fault !== undefined) return fault;
  return jsonBytes(schema) > GRANT_BOUNDS.schema ? `a constraint has at most ${GRANT_BOUNDS.schema} bytes` : undefined;
};

const constraint = { type: 'object', description: 'JSON Schema of the argument; no references' } as const;

const checkArgs = (args: unknown, issues: z.core.$ZodRawIssue[]): void => {
  const add = (message: string, path: string[] = []) => issues.push({ code: 'custom', message, input: args, path });
  if (!isRecord(args))
    return void add('expected an object: an argument’s name, or its JSON pointer, and its JSON Schema');
  const entries = Object.entries(args);
  if (entries.length > GRANT_BOUNDS.args) add(`a grant constrains at most ${GRANT_BOUNDS.args} arguments`);
  for (const [key, schema] of entries.slice(0, GRANT_BOUNDS.args)) {
    const fault = key === '__proto__' || key === '' ? 'expected the name of an argument' : faultOf(schema);
    if (fault !== undefined) add(fault, [key]);
  }
};

/** Constraints by argument. Not a record of zod's: that would leave out what it cannot hold. */
const Args = z
  .custom<Record<string, JsonObject>>()
  .check(({ value, issues }) => checkArgs(value, issues))
  .meta({
    type: 'object',
    additionalProperties: constraint,
    description:
      'By argument: its name, or its JSON pointer (beginning with /). An argument named here may not be missing',
  });

const Pattern = z
  .string('expected a tool pattern, or an object with a tool pattern')
  .min(1, 'a tool pattern may not be empty')
  .max(200);
const Constrained = z.strictObject({ tool: Pattern, args: Args.optional() });
const Minimal = z.literal('minimal', 'expected "minimal", or a list of grants');

/** A union whose member is chosen by the value's shape, so that an error names the place and not just `grants`. */
const byShape = <Output>(members: readonly [z.ZodType, z.ZodType], choose: (value: unknown) => 0 | 1) => {
  const { $schema: _, ...json } = z.toJSONSchema(z.union(members), { io: 'input', unrepresentable: 'any' });
  return z
    .custom<Output>()
    .check(({ value, issues }) => {
      const found = members[choose(value)].safeParse(value).error?.issues ?? [];
      for (const { path, message } of found) issues.push({ code: 'custom', message, path, input: value });
    })
    .meta(json);
};

/** A tool pattern, or one with constraints on arguments. */
const GrantSchema = byShape<Grant>([Pattern, Constrained], (value) => (isRecord(value) ? 1 : 0));

const checkTotal = (grants: readonly Grant[], issues: z.core.$ZodRawIssue[]): void => {
  const schemas = grants.flatMap((grant) => (typeof grant === 'string' ? [] : Object.values(grant.args ?? {})));
  const { constraints, bytes } = GRANT_BOUNDS;
  if (schemas.length <= constraints && jsonBytes(schemas) <= bytes) return;
  const message = `grants hold at most ${constraints} constraints, and ${bytes} bytes of them`;
  issues.push({ code: 'custom', message, input: grants });
};

const List = z
  .array(GrantSchema)
  .max(GRANT_BOUNDS.grants)
  .check(({ value, issues }) => checkTotal(value, issues));

/** What a task may call: a list of grants, or `minimal`. */
export const Grants = byShape<'minimal' | Grant[]>([Minimal, List], (value) => (Array.isArray(value) ? 1 : 0));
