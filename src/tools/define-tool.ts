import { z } from 'zod';
import { Duration, type DurationText, durationMs } from '../domain/schemas/duration.ts';
import type { Effect } from '../domain/task.ts';
import type { Tool, ToolContext } from './tool.ts';

/** What `defineTool` takes. */
export type ToolDefinition<Input extends z.ZodType, Output extends z.ZodType> = {
  /** Letters, digits, `_`, `-` and `.`; at most 60. */
  readonly name: string;
  /** For the model: what it does, when to use it, what it returns. */
  readonly description: string;
  /** `read` changes nothing; `write` can be taken back; `destructive` cannot, and always asks a person. */
  readonly effect: Effect;
  /** An object schema. The field `decision` is the platform's. */
  readonly input: Input;
  /** Checked before the model sees it. */
  readonly output?: Output;
  /** For one attempt; 30s by default. */
  readonly timeout?: DurationText;
  /** Attempts in all, for errors that a retry may cure. Only for reads and idempotent tools; 1 for reads and 3 for idempotent tools by default. */
  readonly retry?: { readonly maxAttempts: number };
  /** The system behind it does a key's effect once, however often it is called. */
  readonly idempotent?: boolean;
  /** An outsider can write what it returns, so the result is untrusted; true by default. */
  readonly openWorld?: boolean;
  readonly execute: (input: z.output<Input>, context: ToolContext) => Promise<z.output<Output>> | z.output<Output>;
};

/** Names of tools, also as parts of patterns. */
export const TOOL_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,59}$/;

const Definition = z.strictObject({
  name: z.string().regex(TOOL_NAME, 'a tool name has letters, digits, "_", "-" and ".", and at most 60 of them'),
  description: z.string().trim().min(1, 'the description is what the model chooses by; it may not be empty'),
  effect: z.enum(['read', 'write', 'destructive']),
  input: z.custom<z.ZodObject>((value) => value instanceof z.ZodType, 'expected a zod schema'),
  output: z.custom<z.ZodType>((value) => value instanceof z.ZodType, 'expected a zod schema').optional(),
  timeout: Duration.optional(),
  retry: z.strictObject({ maxAttempts: z.int().min(1).max(20) }).optional(),
  idempotent: z.boolean().optional(),
  openWorld: z.boolean().optional(),
  execute: z.custom<ToolDefinition<z.ZodType, z.ZodType>['execute']>(
    (value) => typeof value === 'function',
    'expected a function',
  ),
});

const DEFAULT_TIMEOUT = '30s';
const IDEMPOTENT_ATTEMPTS = 3;

/** Attempts that are safe: an effect that is not idempotent is never tried twice (INVARIANT E3). */
const attemptsOf = (definition: z.infer<typeof Definition>): number => {
  const repeatable = definition.effect === 'read' || definition.idempotent === true;
  const wanted = definition.retry?.maxAttempts;
  if (!repeatable && wanted !== undefined && wanted > 1) {
    throw new TypeError(`tool ${definition.name}: retry needs idempotent: true, else the effect could happen twice`);
  }
  return wanted ?? (definition.effect !== 'read' && definition.idempotent === true ? IDEMPOTENT_ATTEMPTS : 1);
};

/**
 * Defines a tool. The type of `input` flows to `execute` and to the predicates of `withApproval`.
 * @example
 * const refund = defineTool({
 *   name: 'refund', description: 'Refund an order', effect: 'write', idempotent: true,
 *   input: z.object({ orderId: z.string() }), output: z.object({ refundId: z.string() }),
 *   execute: (input, ctx) => payments.refund(input.orderId, { key: ctx.idempotencyKey, signal: ctx.signal }),
 * });
 * @throws TypeError naming the tool and the field that is wrong
 */
export const defineTool = <const Input extends z.ZodType, Output extends z.ZodType = z.ZodType<unknown>>(
  definition: ToolDefinition<Input, Output>,
): Tool<z.output<Input>, z.output<Output>> => {
  const parsed = Definition.safeParse(definition);
  if (!parsed.success) {
    throw new TypeError(`tool ${JSON.stringify(definition?.name)}: ${z.prettifyError(parsed.error)}`);
  }
  const { input, timeout, effect, name, description } = parsed.data;
  if (!(input instanceof z.ZodObject)) throw new TypeError(`tool ${name}: input must be a z.object(…)`);
  if ('decision' in input.shape) {
    throw new TypeError(`tool ${name}: the input field "decision" is the platform's; give yours another name`);
  }
  return {
    kind: 'tool',
    name,
    description,
    effect,
    input: definition.input as unknown as z.ZodType<z.output<Input>>,
    output: definition.output as z.ZodType<z.output<Output>> | undefined,
    timeoutMs: durationMs(timeout ?? DEFAULT_TIMEOUT),
    maxAttempts: attemptsOf(parsed.data),
    idempotent: parsed.data.idempotent ?? effect === 'read',
    openWorld: parsed.data.openWorld ?? true,
    execute: definition.execute,
  };
};
