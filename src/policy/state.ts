import type { SchemaJson } from '@cedar-policy/cedar-wasm/nodejs';
import type { PolicyDecision } from '../gateway/ports.ts';
import { ACTIONS, type PolicyAction } from './cedar-schema.ts';
import { findUnseen, NotEncodable } from './encode.ts';
import type { PolicySet } from './policy-set.ts';
import { refuse, toDecision } from './reasons.ts';
import { type CedarRequest, cedarRequest, type Judgement } from './request.ts';
import type { createSlices, PolicyGroup, Slice } from './slices.ts';
import type { TaskRules } from './task-rules.ts';
import type { ToolType } from './tool-types.ts';

/** Everything a decision rests on; replaced as a whole. */
export type PolicyState = {
  readonly set: PolicySet;
  readonly tools: ReadonlyMap<string, ToolType>;
  readonly schema: SchemaJson<string>;
  readonly slices: ReturnType<typeof createSlices>;
  /** Tools that the policies do not fit, and why: they are not called. */
  readonly held: ReadonlyMap<string, string>;
};

/** The answers to both questions. */
export type Decisions = { readonly [action in PolicyAction]: PolicyDecision };

/** No to both questions, for one reason. */
export const refuseBoth = (code: string, message: string): Decisions => {
  const no = refuse(code, message);
  return { call: no, callUnattended: no };
};

const encoded = (judgement: Judgement, action: PolicyAction, slice: Slice): CedarRequest | NotEncodable => {
  try {
    return cedarRequest(judgement, action, slice.looks);
  } catch (error) {
    if (error instanceof NotEncodable) return error;
    throw error;
  }
};

/** INVARIANT T2: a policy looks at a value that Cedar cannot hold, so the question is answered with no. */
const answer = (judgement: Judgement, action: PolicyAction, slice: Slice): PolicyDecision => {
  const request = encoded(judgement, action, slice);
  if (request instanceof NotEncodable)
    return refuse('arguments_not_encodable', `${request.message}, and policies look at it`);
  return toDecision(slice.ask(request), judgement.request.tool, action);
};

/** INVARIANT T2: an effect with a value that no policy could look at is not had without a person. */
const unseenEffect = ({ request, tool }: Judgement): PolicyDecision | undefined => {
  if (request.tool.effect === 'read') return undefined;
  const { problem } = findUnseen(tool.args, request.args);
  return problem && refuse('arguments_not_encodable', `${problem.message}, so no policy could judge it`);
};

const groupOf = (set: PolicySet, rules: Extract<TaskRules, { ok: true }> | undefined): PolicyGroup =>
  rules === undefined
    ? { key: 'set', policies: set.policies }
    : { key: rules.key, policies: [...set.policies, ...rules.policies] };

/** Asks both questions about a call of a tool that the policies fit. @throws CedarCrash */
export const decideBoth = (
  { set, slices }: PolicyState,
  judgement: Judgement,
  rules: Extract<TaskRules, { ok: true }> | undefined,
): Decisions => {
  const group = groupOf(set, rules);
  const [call, callUnattended] = ACTIONS.map((action) =>
    answer(judgement, action, slices(group, judgement.tool.type, action)),
  ) as [PolicyDecision, PolicyDecision];
  return {
    call,
    callUnattended: callUnattended.isAllowed ? (unseenEffect(judgement) ?? callUnattended) : callUnattended,
  };
};
