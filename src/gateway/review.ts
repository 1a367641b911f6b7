import type { CallContext } from '../activities/ports.ts';
import type { Reason, Review } from '../domain/proposal.ts';
import type { RawCall } from '../domain/transcript.ts';
import { ASK_HUMAN } from '../tools/ask-human.ts';
import { type Agent, modelFacingName } from '../tools/define-agent.ts';
import type { Tool } from '../tools/tool.ts';
import { authorize } from './authorize.ts';
import { approvalDigest } from './faces.ts';
import { validateArgs, validateCall } from './validate.ts';

/** Reads that take longer than this do not travel with a proposal: they would hold the model call back. */
const LONG_READ_MS = 60_000;

/** A call whose arguments met the tool's schema. */
type ValidCall = { readonly callId: string; readonly tool: Tool; readonly args: unknown; readonly input: unknown };

const rejected = (callId: string, tool: Pick<Tool, 'name' | 'effect'>, reason: Reason): Review => ({
  callId,
  tool: tool.name,
  effect: tool.effect,
  verdict: { outcome: 'reject', reasons: [reason] },
});

const unknownTool = ({ id, name }: RawCall, agent: Agent): Review => {
  const shown = name.slice(0, 100);
  const names = [...agent.tools.keys()].map(modelFacingName).join(', ');
  const message = `there is no tool ${JSON.stringify(shown)}; there are: ${names}`;
  return rejected(id, { name: shown, effect: 'read' }, { code: 'unknown_tool', message });
};

/** The review of a valid call: what authorization says, and how the tool is to be run. */
const reviewValid = async ({ callId, tool, args, input }: ValidCall, context: CallContext): Promise<Review> => {
  const verdict = await authorize(tool, input, context);
  const base = { callId, tool: tool.name, effect: tool.effect, verdict };
  if (verdict.outcome === 'reject') return base;
  const alone = tool.effect === 'read' && (tool.timeoutMs > LONG_READ_MS || tool.maxAttempts > 1);
  if (tool.effect === 'read' && verdict.outcome === 'allow' && !alone) return base;
  const plan = { idempotent: tool.idempotent, timeoutMs: tool.timeoutMs, maxAttempts: tool.maxAttempts, alone };
  return { ...base, digest: approvalDigest(tool, args), plan };
};

/** The review of a question to a person: no right is needed to ask. */
const reviewQuestion = ({ callId, tool, args, input }: ValidCall): Review => ({
  callId,
  tool: tool.name,
  effect: tool.effect,
  verdict: { outcome: 'allow', reasons: [] },
  digest: approvalDigest(tool, args),
  question: (input as { readonly question: string }).question,
});

/** Parses, validates and authorizes one call. Never throws for what a model wrote. */
export const reviewCall = async (
  agent: Agent,
  call: RawCall,
  { context, needsDecision }: { readonly context: CallContext; readonly needsDecision: boolean },
): Promise<Review> => {
  const isNamed = ({ name }: Tool) => modelFacingName(name) === call.name || name === call.name;
  const tool = [...agent.tools.values()].find(isNamed);
  if (tool === undefined) return unknownTool(call, agent);
  const valid = await (needsDecision ? validateCall(tool, call) : validateArgs(tool, JSON.parse(call.arguments)));
  if (!valid.ok) return rejected(call.id, tool, valid.reason);
  const validCall = { callId: call.id, tool, args: valid.args, input: valid.input };
  return tool.name === ASK_HUMAN ? reviewQuestion(validCall) : reviewValid(validCall, context);
};
