import { Ajv2020 } from 'ajv/dist/2020.js';
import { z } from 'zod';
import type { JsonObject } from '../domain/json.ts';
import { createSafeRegExp } from '../domain/safe-regexp.ts';
import type { ToolSchema } from './tool.ts';

const MAX_PROBLEMS = 8;
const MAX_TEXT = 1_000;

/** A zod error on one line, with paths. */
const describeZod = (error: z.ZodError): string =>
  error.issues
    .slice(0, MAX_PROBLEMS)
    .map(({ path, message }) => `${path.length > 0 ? path.map(String).join('.') : 'arguments'}: ${message}`)
    .join('; ')
    .slice(0, MAX_TEXT);

/** A tool schema made from zod. `io` tells which side of a transforming schema is shown. */
export const fromZod = <Schema extends z.ZodType>(
  schema: Schema,
  io: 'input' | 'output',
): ToolSchema<z.output<Schema>> => {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return {
    json: json as JsonObject,
    parse: async (value) => {
      const parsed = await schema.safeParseAsync(value);
      return parsed.success ? { ok: true, value: parsed.data } : { ok: false, problems: describeZod(parsed.error) };
    },
  };
};

/**
 * A tool schema made from JSON Schema, as MCP servers send it. A pattern that could hold the worker holds for every text:
 * the server checks its own arguments.
 * @throws Error when it is no JSON Schema
 */
export const fromJsonSchema = (json: JsonObject): ToolSchema => {
  const { regExp, refill } = createSafeRegExp({ ignoresUnknown: true });
  // An instance for each schema: two schemas with one $id would clash.
  const ajv = new Ajv2020({ allErrors: true, strict: false, validateFormats: false, code: { regExp } });
  const validate = ajv.compile(json);
  const describe = (): string =>
    (validate.errors ?? [])
      .slice(0, MAX_PROBLEMS)
      .map(({ instancePath, message }) => `${instancePath || 'arguments'} ${message}`)
      .join('; ')
      .slice(0, MAX_TEXT);
  return {
    json,
    parse: async (value) => {
      refill();
      try {
        return validate(value) ? { ok: true, value } : { ok: false, problems: describe() };
      } catch (error) {
        return { ok: false, problems: `cannot be checked: ${String(error).slice(0, 200)}` };
      }
    },
  };
};
