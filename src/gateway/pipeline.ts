import type { Gateway } from '../activities/ports.ts';
import type { Reason, Verdict } from '../domain/proposal.ts';
import type { ResultItem } from '../domain/transcript.ts';
import type { Agent } from '../tools/define-agent.ts';
import type { Tool, ToolLog } from '../tools/tool.ts';
import { authorize } from './authorize.ts';
import { approvalDigest } from './faces.ts';
import { reviewCall } from './review.ts';
import { runTool } from './run.ts';
import { findAgent, setupOf } from './setup.ts';
import { validateArgs } from './validate.ts';

const rejected = (id: string, tool: string, reasons: readonly Reason[]): ResultItem => ({
  kind: 'result',
  id,
  tool,
  status: 'rejected',
  output: reasons.map(({ message }) => message).join('; '),
  trust: 'trusted',
});

/** INVARIANT A1: what runs has the digest that was approved. @returns why it may not run */
const refusal = (verdict: Verdict, approved: string | undefined, now: string): readonly Reason[] | undefined => {
  if (verdict.outcome === 'reject') return verdict.reasons;
  if (verdict.outcome === 'allow' || approved === now) return undefined;
  const message =
    approved === undefined
      ? 'it needs a person’s approval now'
      : 'it is not what was approved: the tool or its arguments changed since';
  return [...verdict.reasons, { code: 'approval_void', message }];
};

/**
 * The one way from a proposal to a tool: `validate → authorize → run → sanitize`. Review and execution share the first
 * two: rights and rules may have changed since the review, so they are asked again at the moment of execution.
 */
export const createGateway = (agents: ReadonlyMap<string, Agent>, log: ToolLog): Gateway => ({
  setup: async ({ agent, grants }, output) => setupOf(findAgent(agents, agent), grants, output),

  review: (call, context, { needsDecision } = { needsDecision: true }) =>
    reviewCall(findAgent(agents, context.agent), call, { context, needsDecision }),

  run: async ({ call, context, approvedDigest, run }) => {
    const tool: Tool | undefined = findAgent(agents, context.agent).tools.get(call.tool);
    if (tool === undefined) {
      const message = `the tool ${call.tool} is not there any more`;
      return rejected(call.id, call.tool, [{ code: 'unknown_tool', message }]);
    }
    const valid = await validateArgs(tool, call.args);
    if (!valid.ok) return rejected(call.id, tool.name, [valid.reason]);
    const verdict = await authorize(tool, valid.input, context);
    const reasons = refusal(verdict, approvedDigest, approvalDigest(tool, valid.args));
    if (reasons !== undefined) return rejected(call.id, tool.name, reasons);
    return runTool({ tool, callId: call.id, args: valid.args, input: valid.input, context, run, log });
  },
});
