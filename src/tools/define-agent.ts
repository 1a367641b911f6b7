import { z } from 'zod';
import type { JsonObject } from '../domain/json.ts';
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
  readonly tools?: readonly (Tool | Toolset)[];
  readonly limits?: LimitsSpec;
  /** Schema of the final answer; without one it is text. */
  readonly output?: z.ZodType;
};

/** An agent that tasks can name. */
export type Agent = {
  readonly kind: 'agent';
  readonly name: string;
  readonly instructions: string;
  readonly model: string;
  readonly tools: ReadonlyMap<string, Tool>;
  readonly limits: LimitsSpec;
  readonly output?: z.ZodType | undefined;
  /** JSON Schema of the final answer, of an agent in plain data. */
  readonly outputSchema?: JsonObject;
};

const Definition = z.strictObject({
  name: z.string().regex(TOOL_NAME, 'an agent name has letters, digits, "_", "-" and ".", and at most 60 of them'),
  instructions: z.string().trim().min(1, 'instructions may not be empty'),
  model: z.string().min(1).optional(),
  tools: z
    .array(z.custom<Tool | Toolset>(isToolOrToolset, 'expected what defineTool or createToolset returned'))
    .optional(),
  limits: LimitsSpec.optional(),
  output: z.custom<z.ZodType>((value) => value instanceof z.ZodType, 'expected a zod schema').optional(),
});

function isToolOrToolset(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    'kind' in value &&
    (value.kind === 'tool' || value.kind === 'toolset')
  );
}

/** The name a model sees: its API takes no dots. Two tools may not share one (checked by `defineAgent`). */
export const modelFacingName = (tool: string): string => tool.replaceAll('.', '__');

/**
 * Defines an agent: instructions, a model and tools.
 * @throws TypeError naming the agent and what is wrong
 */
export const defineAgent = (definition: AgentDefinition): Agent => {
  const parsed = Definition.safeParse(definition);
  if (!parsed.success)
    throw new TypeError(`agent ${JSON.stringify(definition?.name)}: ${z.prettifyError(parsed.error)}`);
  const { name, instructions, model, limits } = parsed.data;
  const given = (definition.tools ?? []).flatMap((each) => (each.kind === 'toolset' ? each.tools : [each]));
  const tools = new Map<string, Tool>();
  const faces = new Set<string>();
  for (const tool of [...given, askHuman]) {
    if (tool.name === ASK_HUMAN && tool !== askHuman)
      throw new TypeError(`agent ${name}: the name ${ASK_HUMAN} is built in`);
    const face = modelFacingName(tool.name);
    if (faces.has(face)) throw new TypeError(`agent ${name}: two tools look like ${face} to the model; rename one`);
    faces.add(face);
    tools.set(tool.name, tool);
  }
  return {
    kind: 'agent',
    name,
    instructions,
    model: model ?? 'default',
    tools,
    limits: limits ?? {},
    output: definition.output,
  };
};
