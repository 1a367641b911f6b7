import { ApplicationFailure } from '@temporalio/common';
import { z } from 'zod';
import type { CallContext, Gateway } from '../activities/ports.ts';
import { digestJson, type Digest } from '../domain/digest.ts';
import { jsonBytes, type JsonObject } from '../domain/json.ts';
import type { Reason, Review, ToolFace } from '../domain/proposal.ts';
import { DecisionSchema } from '../domain/schemas/decision.ts';
import { SIZES } from '../domain/sizes.ts';
import type { ResultItem, SetupItem } from '../domain/transcript.ts';
import { ASK_HUMAN } from '../tools/ask-human.ts';
import { type Agent, modelFacingName } from '../tools/define-agent.ts';
import type { Tool, ToolLog } from '../tools/tool.ts';
import { authorize, isGranted } from './authorize.ts';
import { runTool } from './run.ts';
import { validateArgs, validateCall } from './validate.ts';

/** Reads that take longer than this do not travel with a proposal: they would hold the model call back. */
const LONG_READ_MS = 60_000;

const decisionSchema = jsonSchema(DecisionSchema);

function jsonSchema(schema: z.ZodType): JsonObject {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return rest as JsonObject;
}

/** JSON Schema of an agent's final output; undefined: text. */
export const jsonSchemaOf = ({ output, outputSchema }: Agent): JsonObject | undefined =>
  outputSchema ?? (output === undefined ? undefined : jsonSchema(output));

/** A tool as the model is offered it: its own arguments, and the decision in front of them. */
const faceOf = (tool: Tool): ToolFace => {
  const own = jsonSchema(tool.input) as JsonObject & { properties?: JsonObject; required?: readonly string[] };
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

/** What an approval covers: the tool, as it looks now, and the arguments (INVARIANT A1). */
const approvalDigest = (tool: Tool, args: unknown): Digest => digestJson({ face: faceOf(tool), args });

const rejected = (callId: string, tool: string, reasons: readonly Reason[]): Review => ({
  callId,
  tool,
  effect: 'read',
  verdict: { outcome: 'reject', reasons },
});

const rejectedResult = (id: string, tool: string, reasons: readonly Reason[]): ResultItem => ({
  kind: 'result',
  id,
  tool,
  status: 'rejected',
  output: reasons.map(({ message }) => message).join('; '),
  trust: 'trusted',
});

/** A call whose arguments met the tool's schema. */
type ValidCall = { readonly callId: string; readonly tool: Tool; readonly args: unknown; readonly input: unknown };

/** Builds the review of a valid call from what the tool is and what authorization says. */
const reviewOf = async ({ callId, tool, ...valid }: ValidCall, context: CallContext): Promise<Review> => {
  const verdict = await authorize(tool, valid.input, context);
  const base = { callId, tool: tool.name, effect: tool.effect, verdict };
  if (verdict.outcome === 'reject') return base;
  if (tool.name === ASK_HUMAN) {
    return { ...base, digest: approvalDigest(tool, valid.args), question: (valid.input as { question: string }).question };
  }
  const alone = tool.effect === 'read' && (tool.timeoutMs > LONG_READ_MS || tool.maxAttempts > 1);
  if (tool.effect === 'read' && verdict.outcome === 'allow' && !alone) return base;
  return {
    ...base,
    digest: approvalDigest(tool, valid.args),
    plan: { idempotent: tool.idempotent, timeoutMs: tool.timeoutMs, maxAttempts: tool.maxAttempts, alone },
  };
};

/** Finds an agent. @throws ApplicationFailure `Agent.Unknown`, naming those there are */
export const findAgent = (agents: ReadonlyMap<string, Agent>, name: string): Agent => {
  const agent = agents.get(name);
  if (agent !== undefined) return agent;
  const known = agents.size === 0 ? 'this worker has none' : `this worker has ${[...agents.keys()].join(', ')}`;
  throw ApplicationFailure.nonRetryable(`no agent is named ${JSON.stringify(name)}; ${known}.`, 'Agent.Unknown');
};

/**
 * The one way from a proposal to a tool: `validate → authorize → run → sanitize`. Review and execution share the first
 * two: rights and rules may have changed since the review, so they are asked again at the moment of execution.
 */
export const createGateway = (agents: ReadonlyMap<string, Agent>, log: ToolLog): Gateway => {
  const faces = new WeakMap<Agent, readonly ToolFace[]>();
  const facesOf = (agent: Agent): readonly ToolFace[] => {
    const known = faces.get(agent) ?? [...agent.tools.values()].map(faceOf);
    faces.set(agent, known);
    return known;
  };

  return {
    setup: async ({ agent: name, grants }, output) => {
      const agent = findAgent(agents, name);
      const tools = facesOf(agent).filter(({ tool }) => tool === ASK_HUMAN || isGranted(grants, tool));
      const schema = output ?? jsonSchemaOf(agent);
      const content = { instructions: agent.instructions, tools, ...(schema === undefined ? {} : { output: schema }) };
      const bytes = jsonBytes(content);
      if (bytes > SIZES.setup) {
        throw ApplicationFailure.nonRetryable(`instructions and tools of ${name} have ${bytes} bytes; at most ${SIZES.setup} are taken.`, 'Agent.TooLarge');
      }
      const digest = digestJson(content);
      return { kind: 'setup', id: `setup-${digest.slice(7, 15)}`, ...content, digest } satisfies SetupItem;
    },

    review: async (call, context, options = { needsDecision: true }) => {
      const agent = findAgent(agents, context.agent);
      const tool = [...agent.tools.values()].find(({ name }) => modelFacingName(name) === call.name || name === call.name);
      if (tool === undefined) {
        const names = facesOf(agent).map(({ name }) => name);
        return rejected(call.id, call.name.slice(0, 100), [
          { code: 'unknown_tool', message: `there is no tool ${JSON.stringify(call.name.slice(0, 100))}; there are: ${names.join(', ')}` },
        ]);
      }
      const valid = options.needsDecision ? await validateCall(tool, call) : await validateArgs(tool, JSON.parse(call.arguments));
      if (!valid.ok) return { ...rejected(call.id, tool.name, [valid.reason]), effect: tool.effect };
      const context_ = tool.name === ASK_HUMAN ? { ...context, grants: undefined } : context;
      return reviewOf({ callId: call.id, tool, args: valid.args, input: valid.input }, context_);
    },

    run: async ({ call, context, approvedDigest, run }) => {
      const tool = findAgent(agents, context.agent).tools.get(call.tool);
      if (tool === undefined) {
        return rejectedResult(call.id, call.tool, [{ code: 'unknown_tool', message: `the tool ${call.tool} is not there any more` }]);
      }
      const valid = await validateArgs(tool, call.args);
      if (!valid.ok) return rejectedResult(call.id, tool.name, [valid.reason]);
      const verdict = await authorize(tool, valid.input, context);
      if (verdict.outcome === 'reject') return rejectedResult(call.id, tool.name, verdict.reasons);
      // INVARIANT A1: what runs has the digest that was approved.
      if (verdict.outcome === 'ask' && approvedDigest !== approvalDigest(tool, valid.args)) {
        const message = approvedDigest === undefined ? 'it needs a person’s approval now' : 'it is not what was approved: the tool or its arguments changed since';
        return rejectedResult(call.id, tool.name, [...verdict.reasons, { code: 'approval_void', message }]);
      }
      return runTool({ tool, callId: call.id, args: valid.args, input: valid.input, context, run, log });
    },
  };
};
