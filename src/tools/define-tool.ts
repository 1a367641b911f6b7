import { z } from 'zod';
import type { Json } from '../domain/json.ts';
import { Duration, type DurationText, durationMs } from '../domain/schemas/duration.ts';
import type { Effect } from '../domain/task.ts';
import { fromZod } from './schema.ts';
import type { CompensationContext, Reconciled, Tool, ToolContext } from './tool.ts';

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
  /** A read whose arguments leave the trust boundary: a search in the web. */
  readonly egress?: boolean;
  /** Whether a write may run without a person; true by default. Destructive tools always ask. */
  readonly unattended?: boolean;
  /** JSON pointers of arguments whose origin matters, `/recipient`: taken from untrusted text, they need a person. */
  readonly sensitive?: readonly string[];
  /** Permissions that the principal needs; the host's authorizer is asked on every call. */
  readonly requires?: readonly string[];
  /** Calls in any window of `per`, for each principal and tenant, over all workers. */
  readonly rateLimit?: { readonly calls: number; readonly per: DurationText };
  /** Bulkhead: a task queue of the tool's own. */
  readonly taskQueue?: string;
  /** Bulkhead: calls at the same time, over all workers. */
  readonly maxConcurrent?: number;
  /** An empty result is junk: it counts for the breaker. */
  readonly nonEmpty?: boolean;
  readonly execute: (input: z.output<Input>, context: ToolContext) => Promise<z.output<Output>> | z.output<Output>;
  /** The same effect proposed again, by any task of the tenant, has the same key and is not done again. */
  readonly effectKey?: (input: z.output<Input>) => string;
  /** Asked after a crash or a lost reply of a tool that is not idempotent: did it happen? */
  readonly reconcile?: (input: z.output<Input>, context: ToolContext) => Promise<Reconciled> | Reconciled;
  /** Undoes the effect; called again with the same key after a crash. */
  readonly compensate?: (input: z.output<Input>, output: z.output<Output>, context: CompensationContext) => unknown;
  /**
   * A before-image, stored before the effect and handed to `compensate`. Has no effect of its own: it is taken when a person is asked as
   * well, and an approval covers it. Leave out what changes by itself (a time of last access): the person would be asked again.
   */
  readonly snapshot?: (input: z.output<Input>, context: ToolContext) => Promise<Json> | Json;
  /**
   * What the before-image becomes, as JSON or text: whoever approves is shown the difference. Null: it is gone. Or both sides as they are
   * to be shown: `{ $diff: { before, after } }`.
   */
  readonly preview?: (input: z.output<Input>, before: Json) => Promise<Json> | Json;
  /** Semantic validation before anyone is asked. @returns what is wrong */
  readonly check?: (input: z.output<Input>) => Promise<string | undefined> | string | undefined;
  /** Reads back after the effect. @returns true, or what is wrong */
  readonly verify?: (
    input: z.output<Input>,
    output: z.output<Output>,
    context: ToolContext,
  ) => Promise<true | string> | true | string;
  /** US dollars that a call costs downstream. */
  readonly cost?: (input: z.output<Input>, output: z.output<Output>) => number;
  /** Tells a useless result from a useful one; junk counts for the breaker. */
  readonly isJunk?: (output: z.output<Output>) => boolean;
};

/** Names of tools, also as parts of patterns. */
export const TOOL_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,59}$/;

const hook = z.custom<never>((value) => typeof value === 'function', 'expected a function').optional();

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
  egress: z.boolean().optional(),
  unattended: z.boolean().optional(),
  sensitive: z.array(z.string().startsWith('/', 'expected a JSON pointer such as "/recipient"')).optional(),
  requires: z.array(z.string().min(1)).optional(),
  rateLimit: z.strictObject({ calls: z.int().min(1).max(10_000), per: Duration }).optional(),
  taskQueue: z.string().min(1).max(200).optional(),
  maxConcurrent: z.int().min(1).max(10_000).optional(),
  nonEmpty: z.boolean().optional(),
  effectKey: hook,
  reconcile: hook,
  compensate: hook,
  snapshot: hook,
  preview: hook,
  check: hook,
  verify: hook,
  cost: hook,
  isJunk: hook,
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

const HOOKS = [
  'effectKey',
  'reconcile',
  'compensate',
  'snapshot',
  'preview',
  'check',
  'verify',
  'cost',
  'isJunk',
] as const;
type ToolHooks<Input, Output> = Pick<Tool<Input, Output>, (typeof HOOKS)[number]>;

/** The facts that the gateway goes by, with what holds where the definition is silent. */
const factsOf = (definition: z.infer<typeof Definition>) => {
  const { effect, rateLimit } = definition;
  return {
    idempotent: definition.idempotent ?? effect === 'read',
    openWorld: definition.openWorld ?? true,
    egress: definition.egress ?? false,
    unattended: definition.unattended ?? true,
    sensitive: definition.sensitive ?? [],
    requires: definition.requires ?? [],
    rateLimit: rateLimit === undefined ? undefined : { calls: rateLimit.calls, perMs: durationMs(rateLimit.per) },
    taskQueue: definition.taskQueue,
    maxConcurrent: definition.maxConcurrent,
    nonEmpty: definition.nonEmpty ?? false,
  };
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
  const given = definition as unknown as ToolHooks<z.output<Input>, z.output<Output>>;
  const hooks = Object.fromEntries(HOOKS.flatMap((hook) => (given[hook] === undefined ? [] : [[hook, given[hook]]])));
  return {
    kind: 'tool',
    name,
    description,
    effect,
    input: fromZod(definition.input, 'input'),
    output: definition.output === undefined ? undefined : fromZod(definition.output, 'output'),
    timeoutMs: durationMs(timeout ?? DEFAULT_TIMEOUT),
    maxAttempts: attemptsOf(parsed.data),
    ...factsOf(parsed.data),
    ...hooks,
    execute: definition.execute,
  };
};
