import type { z } from 'zod';
import { findHiddenIn } from '../domain/hidden-text.ts';
import { type JsonObject, jsonBytes } from '../domain/json.ts';
import { parseArguments, type Reason } from '../domain/proposal.ts';
import { DecisionSchema } from '../domain/schemas/decision.ts';
import { SIZES } from '../domain/sizes.ts';
import type { RawCall } from '../domain/transcript.ts';
import type { Tool } from '../tools/tool.ts';

/** Arguments that met the tool's schema, or the reasons why not. */
export type Validated =
  | { readonly ok: true; readonly args: JsonObject; readonly input: unknown }
  | { readonly ok: false; readonly reason: Reason };

const refuse = (code: string, message: string): Validated => ({ ok: false, reason: { code, message } });

/** A zod error on one line, with paths. */
const describe = (error: z.ZodError): string =>
  error.issues
    .slice(0, 8)
    .map(({ path, message }) => `${path.length > 0 ? path.map(String).join('.') : 'arguments'}: ${message}`)
    .join('; ')
    .slice(0, 1_000);

/** Checks arguments, wherever they come from: size, hidden characters (INVARIANT T3), the tool's own schema. */
export const validateArgs = async (tool: Tool, args: unknown): Promise<Validated> => {
  if (jsonBytes(args) > SIZES.toolArgs) {
    return refuse('arguments_too_large', `the arguments are larger than ${SIZES.toolArgs} bytes`);
  }
  const hidden = findHiddenIn(args);
  if (hidden !== undefined) {
    return refuse(
      'hidden_characters',
      `${hidden.path} holds the hidden character ${hidden.codePoint}; write it without`,
    );
  }
  const parsed = await tool.input.safeParseAsync(args);
  if (!parsed.success) return refuse('invalid_arguments', describe(parsed.error));
  return { ok: true, args: args as JsonObject, input: parsed.data };
};

/** Takes a model's call apart and checks it: JSON, the required decision (DESIGN §6), then the arguments. */
export const validateCall = async (tool: Tool, call: RawCall): Promise<Validated> => {
  const parsed = parseArguments(call);
  if (!parsed.ok) return refuse('arguments_not_json', `${parsed.error}; send one JSON object`);
  const decision = DecisionSchema.safeParse(parsed.decision);
  if (!decision.success) {
    return refuse('decision_missing', `every call needs "decision": ${describe(decision.error)}`);
  }
  return validateArgs(tool, parsed.args);
};
