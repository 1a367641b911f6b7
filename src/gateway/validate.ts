import { z } from 'zod';
import { findHiddenIn } from '../domain/hidden-text.ts';
import { isDeeperThan, isFiniteDeep, type JsonObject, jsonBytes, MAX_DEPTH } from '../domain/json.ts';
import { type Decision, parseArguments, type Reason } from '../domain/proposal.ts';
import { DecisionSchema } from '../domain/schemas/decision.ts';
import { SIZES } from '../domain/sizes.ts';
import type { RawCall } from '../domain/transcript.ts';
import type { Tool } from '../tools/tool.ts';
import { inTime } from './in-time.ts';

/** Arguments that met the tool's schema, with why the model wants the call; or the reasons why not. */
export type Validated =
  | { readonly ok: true; readonly args: JsonObject; readonly input: unknown; readonly decision?: Decision }
  | { readonly ok: false; readonly reason: Reason };

const refuse = (code: string, message: string): Validated => ({ ok: false, reason: { code, message } });

const short = (error: unknown): string => String(error).slice(0, 300);

/** Keys by which JSON becomes more than data in a careless program. */
const hasForbiddenKey = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (Object.hasOwn(value, '__proto__') || Object.values(value).some(hasForbiddenKey));

/** What is wrong with arguments of any tool: size, depth, keys, hidden characters (INVARIANT T3). */
const checkShape = (args: unknown): Reason | undefined => {
  // Before their size is asked: writing them as JSON would break on them.
  if (isDeeperThan(args, MAX_DEPTH)) {
    return { code: 'invalid_arguments', message: `the arguments are nested deeper than ${MAX_DEPTH} levels` };
  }
  if (jsonBytes(args) > SIZES.toolArgs) {
    return { code: 'arguments_too_large', message: `the arguments are larger than ${SIZES.toolArgs} bytes` };
  }
  if (!isFiniteDeep(args)) {
    return { code: 'invalid_arguments', message: 'the arguments hold a number that is too large' };
  }
  if (hasForbiddenKey(args)) return { code: 'invalid_arguments', message: '"__proto__" is no argument' };
  const hidden = findHiddenIn(args);
  if (hidden === undefined) return undefined;
  const message = `${hidden.path} holds the hidden character ${hidden.codePoint}; write it without`;
  return { code: 'hidden_characters', message };
};

/** The tool's own rules about an input that met its schema. INVARIANT T2: one that errs counts against the call. */
const checkMeaning = async (tool: Tool, input: unknown): Promise<Reason | undefined> => {
  try {
    const wrong = await inTime(tool.check?.(input));
    if (wrong !== undefined) return { code: 'check_failed', message: wrong.slice(0, 1_000) };
    tool.effectKey?.(input);
    return undefined;
  } catch (error) {
    return { code: 'check_failed', message: `the arguments could not be checked: ${short(error)}` };
  }
};

/** Checks arguments, wherever they come from: shape, the tool's schema, the tool's own rules. */
export const validateArgs = async (tool: Tool, args: unknown): Promise<Validated> => {
  const misshapen = checkShape(args);
  if (misshapen !== undefined) return { ok: false, reason: misshapen };
  const parsed = await tool.input.parse(args);
  if (!parsed.ok) return refuse('invalid_arguments', parsed.problems);
  const meaningless = await checkMeaning(tool, parsed.value);
  if (meaningless !== undefined) return { ok: false, reason: meaningless };
  return { ok: true, args: args as JsonObject, input: parsed.value };
};

/** Takes a model's call apart and checks it: JSON, the required decision (DESIGN §6), then the arguments. */
export const validateCall = async (tool: Tool, call: RawCall): Promise<Validated> => {
  const parsed = parseArguments(call);
  if (!parsed.ok) return refuse('arguments_not_json', `${parsed.error}; send one JSON object`);
  const decision = DecisionSchema.safeParse(parsed.decision);
  if (!decision.success) {
    return refuse(
      'decision_missing',
      `every call needs "decision": ${z.prettifyError(decision.error).slice(0, 1_000)}`,
    );
  }
  const valid = await validateArgs(tool, parsed.args);
  return valid.ok ? { ...valid, decision: decision.data } : valid;
};
