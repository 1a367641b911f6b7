import { ApplicationFailure } from '@temporalio/common';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { LRUCache } from 'lru-cache';
import { canonicalJson } from '../domain/digest.ts';
import { jsonBytes } from '../domain/json.ts';
import { createSafeRegExp } from '../domain/safe-regexp.ts';
import { SIZES } from '../domain/sizes.ts';
import type { FinalAnswer } from './messages.ts';

/** A compiled schema; `errors` are those of the last check. */
type OutputCheck = {
  readonly check: (value: unknown) => boolean;
  readonly errors: () => NonNullable<ValidateFunction['errors']>;
};

const compiled = new LRUCache<string, OutputCheck>({ max: 200 });

/** Compiles a JSON Schema. @throws ApplicationFailure `Spec.Invalid` when it is none */
export const compileSchema = (schema: unknown): OutputCheck => {
  const key = canonicalJson(schema);
  const known = compiled.get(key);
  if (known !== undefined) return known;
  try {
    // A new instance each time: two schemas with one $id would clash, and a task must not reach another's schema.
    const { regExp, refill } = createSafeRegExp({ ignoresUnknown: false });
    const ajv = new Ajv2020({ allErrors: true, strict: false, validateFormats: false, code: { regExp } });
    const validate = ajv.compile(schema as object);
    const known = { check: (value: unknown) => (refill(), validate(value)), errors: () => validate.errors ?? [] };
    compiled.set(key, known);
    return known;
  } catch (error) {
    throw ApplicationFailure.nonRetryable(
      `output is not a JSON Schema: ${String(error).slice(0, 300)}.`,
      'Spec.Invalid',
    );
  }
};

/** The JSON in an answer; models like to put it in a code fence. */
const parseJson = (text: string): unknown => {
  const fenced = /^\s*```(?:json)?\s*\n([\s\S]*?)\n\s*```\s*$/.exec(text)?.[1];
  return JSON.parse(fenced ?? text);
};

/** Checks a final answer against the task's output schema; without one, the text is the output. */
export const checkFinalAnswer = (text: string, schema: unknown): FinalAnswer => {
  if (jsonBytes(text) > SIZES.output)
    return { ok: false, error: `the final answer is larger than ${SIZES.output} bytes` };
  if (schema === undefined) return { ok: true, output: text };
  let output: unknown;
  try {
    output = parseJson(text);
  } catch {
    return { ok: false, error: 'the final answer must be JSON alone, by the output schema' };
  }
  const { check, errors: found } = compileSchema(schema);
  if (check(output)) return { ok: true, output };
  const errors = found().map(({ instancePath, message }) => `${instancePath || '/'} ${message}`);
  return { ok: false, error: `the final answer does not meet the output schema: ${errors.slice(0, 8).join('; ')}` };
};
