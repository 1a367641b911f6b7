import { z } from 'zod';
import { type Digest, digestJson } from '../domain/digest.ts';
import type { JsonObject } from '../domain/json.ts';
import type { ToolFace } from '../domain/proposal.ts';
import { DecisionSchema } from '../domain/schemas/decision.ts';
import { type Agent, modelFacingName } from '../tools/define-agent.ts';
import type { Tool } from '../tools/tool.ts';

function jsonSchema(schema: z.ZodType): JsonObject {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return rest as JsonObject;
}

const decisionSchema = jsonSchema(DecisionSchema);

/** JSON Schema of an agent's final output; undefined: text. */
export const outputSchemaOf = ({ output, outputSchema }: Agent): JsonObject | undefined =>
  outputSchema ?? (output === undefined ? undefined : jsonSchema(output));

const makeFace = (tool: Tool): ToolFace => {
  const own = tool.input.json as JsonObject & { properties?: JsonObject; required?: readonly string[] };
  return {
    name: modelFacingName(tool.name),
    tool: tool.name,
    description: tool.description,
    parameters: {
      ...own,
      type: 'object',
      properties: { decision: decisionSchema, ...own.properties },
      required: ['decision', ...(own.required ?? [])],
    },
  };
};

// Tools do not change while a worker runs, and making a JSON Schema takes longer than a review.
const faces = new WeakMap<Tool, { readonly face: ToolFace; readonly digest: Digest }>();

const known = (tool: Tool) => {
  const found = faces.get(tool);
  if (found !== undefined) return found;
  const face = makeFace(tool);
  const made = { face, digest: digestJson(face) };
  faces.set(tool, made);
  return made;
};

/** A tool as the model is offered it: its own arguments, and the decision in front of them. */
export const faceOf = (tool: Tool): ToolFace => known(tool).face;

/** What a tool is, as it looks now, what it does to the world, and its surface as its server shows it (the model sees only a part). */
const identityOf = (tool: Tool) => ({
  face: known(tool).digest,
  effect: tool.effect,
  ...(tool.surface === undefined ? {} : { surface: tool.surface.digest }),
});

/**
 * What an approval covers (INVARIANT A1): the tool, the arguments, and what stood there before.
 * @param before digest of the before-image; absent where none was shown
 */
export const approvalDigest = (tool: Tool, args: unknown, before?: Digest): Digest =>
  digestJson({ ...identityOf(tool), args, ...(before === undefined ? {} : { before }) });

/** Of a tool alone: what an approval of several calls is bound to. */
export const toolDigest = (tool: Tool): Digest => digestJson(identityOf(tool));

/** What an approval covers that lets a call run beside an effect that holds its semantic key (INVARIANT E6). */
export const besideDigest = (digest: Digest): Digest => digestJson({ beside: digest });
