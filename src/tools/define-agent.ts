import { z } from 'zod';
import { matchesTool } from '../domain/grants.ts';
import type { JsonObject } from '../domain/json.ts';
import { AgentReviews } from '../domain/schemas/reviews.ts';
import { LimitsSpec } from '../domain/schemas/task-spec.ts';
import { ASK_HUMAN, askHuman } from './ask-human.ts';
import { TOOL_NAME } from './define-tool.ts';
import type { Tool, Toolset } from './tool.ts';

/** What `defineAgent` takes. */
export type AgentDefinition = {
  readonly name: string;
  readonly instructions: string;
  /** A key of the configuration's `models`; `default` by default. */
  readonly model?: string;
  /** Tools of the host's own, and names or patterns of others: `files.*` of an MCP server, the built-in `wait` and `plan`. */
  readonly tools?: readonly (Tool | Toolset | string)[];
  readonly limits?: LimitsSpec;
  /** Schema of the final answer; without one it is text. */
  readonly output?: z.ZodType;
  /** A person reviews the final output before the task completes with it. */
  readonly reviewOutput?: boolean;
  /** What a task gives that ends as `fallback`; at most 32 KB of JSON that meets `output`. */
  readonly fallback?: { readonly output: unknown };
  /** Calls with effects ask a person when the agent is less sure than this, 0 to 1. A task can only raise it. */
  readonly escalate?: { readonly confidenceBelow?: number };
  /** Share (0 to 1) of `costUsd` and `tokens`, where they are limited, at which a person is asked whether to go on; 0.5 by default. */
  readonly reviewAt?: number;
  /** What happens at a limit, where the task does not say: it ends (`fail`), a person may allow more, or the fallback is given. */
  readonly onLimit?: 'fail' | 'escalate' | 'fallback';
};

/** An agent that tasks can name. */
export type Agent = {
  readonly kind: 'agent';
  readonly name: string;
  readonly instructions: string;
  readonly model: string;
  readonly tools: ReadonlyMap<string, Tool>;
  /** Names and patterns of tools that the worker finds elsewhere; see `withFoundTools`. */
  readonly patterns: readonly string[];
  readonly limits: LimitsSpec;
  readonly output?: z.ZodType | undefined;
  /** JSON Schema of the final answer, of an agent in plain data. */
  readonly outputSchema?: JsonObject;
  /** When a person is asked, and what is given in the place of an answer. */
  readonly reviews: AgentReviews;
};

const Definition = z.strictObject({
  name: z.string().regex(TOOL_NAME, 'an agent name has letters, digits, "_", "-" and ".", and at most 60 of them'),
  instructions: z.string().trim().min(1, 'instructions may not be empty'),
  model: z.string().min(1).optional(),
  tools: z
    .array(
      z.custom<Tool | Toolset | string>(
        isToolOrToolset,
        'expected what defineTool or createToolset returned, or the name of a tool',
      ),
    )
    .optional(),
  limits: LimitsSpec.optional(),
  output: z.custom<z.ZodType>((value) => value instanceof z.ZodType, 'expected a zod schema').optional(),
  ...AgentReviews,
});

function isToolOrToolset(value: unknown): boolean {
  if (typeof value === 'string') return value !== '';
  return (
    typeof value === 'object' &&
    value !== null &&
    'kind' in value &&
    (value.kind === 'tool' || value.kind === 'toolset')
  );
}

/** The name a model sees: its API takes no dots. Two tools may not share one (checked by `defineAgent`). */
export const modelFacingName = (tool: string): string => tool.replaceAll('.', '__');

/** Tools by name. @throws TypeError when two look the same to the model */
const byName = (agent: string, tools: readonly Tool[]): ReadonlyMap<string, Tool> => {
  const named = new Map<string, Tool>();
  const faces = new Set<string>();
  for (const tool of tools) {
    const face = modelFacingName(tool.name);
    if (faces.has(face)) throw new TypeError(`agent ${agent}: two tools look like ${face} to the model; rename one`);
    faces.add(face);
    named.set(tool.name, tool);
  }
  return named;
};

/** Tools that a worker has beside those of its agents' definitions. */
export type FoundTools = {
  /** As they are now; the same array as long as nothing changes. */
  readonly tools: () => readonly Tool[];
  /** Tools that every agent has. */
  readonly always: readonly Tool[];
};

/**
 * An agent whose patterns stand for the tools that a worker finds: `tools` is read anew whenever they change. Where two
 * look the same to the model, the agent's own wins, then the first found.
 */
export const withFoundTools = (agent: Agent, found: FoundTools): Agent => {
  let from: readonly Tool[] | undefined;
  let tools = agent.tools;
  const merge = (now: readonly Tool[]): ReadonlyMap<string, Tool> => {
    const merged = new Map(agent.tools);
    const faces = new Set([...merged.keys()].map(modelFacingName));
    const wanted = now.filter(({ name }) => agent.patterns.some((pattern) => matchesTool(pattern, name)));
    for (const tool of [...wanted, ...found.always]) {
      const face = modelFacingName(tool.name);
      if (!faces.has(face)) merged.set(tool.name, tool);
      faces.add(face);
    }
    return merged;
  };
  return {
    ...agent,
    get tools() {
      const now = found.tools();
      if (now !== from) {
        from = now;
        tools = merge(now);
      }
      return tools;
    },
  };
};

/** What is wrong with a fallback; a schema that can only be asked asynchronously is asked when a task starts. */
const problemOfFallback = ({ output, fallback }: AgentDefinition): string | undefined => {
  if (output === undefined || fallback === undefined) return undefined;
  try {
    const checked = output.safeParse(fallback.output);
    return checked.success ? undefined : z.prettifyError(checked.error);
  } catch {
    return undefined;
  }
};

/** @throws TypeError naming the agent and what is wrong */
const checkReviews = (definition: AgentDefinition): void => {
  const { name } = definition;
  const problem = problemOfFallback(definition);
  if (problem !== undefined) throw new TypeError(`agent ${name}: fallback.output does not meet output: ${problem}`);
  if (definition.onLimit === 'fallback' && definition.fallback === undefined)
    throw new TypeError(`agent ${name}: onLimit is "fallback", and there is none; give fallback: { output }`);
};

/**
 * Defines an agent: instructions, a model and tools.
 * @throws TypeError naming the agent and what is wrong
 */
export const defineAgent = (definition: AgentDefinition): Agent => {
  const parsed = Definition.safeParse(definition);
  if (!parsed.success)
    throw new TypeError(`agent ${JSON.stringify(definition?.name)}: ${z.prettifyError(parsed.error)}`);
  const { name, instructions, model, limits, reviewOutput, fallback, escalate, reviewAt, onLimit } = parsed.data;
  checkReviews(definition);
  const all = definition.tools ?? [];
  const own = all
    .filter((each) => typeof each !== 'string')
    .flatMap((each) => (each.kind === 'toolset' ? each.tools : [each]));
  const foreign = own.find((tool) => tool.name === ASK_HUMAN && tool !== askHuman);
  if (foreign !== undefined) throw new TypeError(`agent ${name}: the name ${ASK_HUMAN} is built in`);
  return {
    kind: 'agent',
    name,
    instructions,
    model: model ?? 'default',
    tools: byName(name, [...own.filter((tool) => tool !== askHuman), askHuman]),
    patterns: all.filter((each) => typeof each === 'string'),
    limits: limits ?? {},
    output: definition.output,
    reviews: { reviewOutput, fallback, escalate, reviewAt, onLimit },
  };
};
