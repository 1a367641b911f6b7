import type { ApprovalRule, Risk } from './approval-rule.ts';
import type { Change } from './decision.ts';
import type { Digest } from './digest.ts';
import { isDeeperThan, isRecord, type JsonObject, MAX_DEPTH } from './json.ts';
import type { Provenance } from './provenance.ts';
import type { Effect } from './task.ts';
import type { RawCall } from './transcript.ts';

/** A tool as the model is offered it. `name` fits the provider's rules; `tool` is the tool's own name. */
export type ToolFace = {
  readonly name: string;
  readonly tool: string;
  readonly description: string;
  /** JSON Schema of the arguments, with the required `decision`. */
  readonly parameters: JsonObject;
};

/** Why the model proposes a call (DESIGN §6): a required argument of every tool, taken off before validation. */
export type Decision = {
  readonly rationale: string;
  readonly alternatives: readonly { readonly action: string; readonly rejectedBecause: string }[];
  /** 0 to 1. */
  readonly confidence: number;
  /** Ids of the transcript items it rests on. */
  readonly basis: readonly string[];
};

/** A reason of a verdict. `code` is stable, `message` is for people and the model. */
export type Reason = {
  readonly code: string;
  readonly message: string;
  readonly policy?: string;
  /** First digits of the policy's digest: tells it from another text under the same id. Of what has no text, and before: absent. */
  readonly policyDigest?: string;
};

/** A reason as approvals are compared by it: the words for people are not part of it. */
export type BareReason = Pick<Reason, 'code' | 'policy' | 'policyDigest'>;

/** What the platform decided about a call. */
export type Verdict = { readonly outcome: 'allow' | 'ask' | 'reject'; readonly reasons: readonly Reason[] };

/** How a call is to be run; facts of the tool on the worker that reviewed it. */
export type RunPlan = {
  readonly idempotent: boolean;
  readonly timeoutMs: number;
  readonly maxAttempts: number;
  /** A read that goes in an activity of its own: long, or with retries of its own. */
  readonly alone: boolean;
  /** The tool can undo its effect; the workflow registers the undo before the effect. */
  readonly isCompensable?: boolean;
  /** Bulkhead: the task queue of the tool's own. */
  readonly taskQueue?: string;
  /** By this is found who may say whether it happened, and whether it is undone, also where nobody was asked about the call. */
  readonly risk?: Risk;
};

/** What the workflow does itself once the verdict allows it; no tool runs. */
export type BuiltIn =
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'plan'; readonly plan: JsonObject };

/** The review of one proposed call. Arguments stand in the proposal and are not repeated here. */
export type Review = {
  readonly callId: string;
  readonly tool: string;
  readonly effect: Effect;
  readonly verdict: Verdict;
  /** Of tool and arguments: what an approval covers. */
  readonly digest?: Digest;
  readonly plan?: RunPlan;
  readonly builtIn?: BuiltIn;
  /** Where the arguments' values came from. */
  readonly provenance?: Provenance;
  /** Digest of the policy set that judged it. */
  readonly policies?: Digest;
  /** The call waits for a person's words instead of a tool. */
  readonly question?: string;
  // Of a call that asks; reviews of before have none of these.
  readonly risk?: Risk;
  /** The approval rule that holds, as it was when the call was reviewed. */
  readonly rule?: ApprovalRule;
  /** Of the tool alone, without arguments: what a standing approval is bound to. */
  readonly toolDigest?: Digest;
  /** What it would change; its before-image is part of `digest`. */
  readonly change?: Change;
};

/** A model's arguments, taken apart. */
export type ParsedArguments =
  | { readonly ok: true; readonly args: JsonObject; readonly decision: unknown }
  | { readonly ok: false; readonly error: string };

/** Parses the text of a call's arguments and takes the `decision` off. Never throws: a model writes anything. */
export const parseArguments = (call: Pick<RawCall, 'arguments'>): ParsedArguments => {
  let value: unknown;
  try {
    value = JSON.parse(call.arguments === '' ? '{}' : call.arguments);
  } catch {
    return { ok: false, error: 'the arguments are not valid JSON' };
  }
  if (!isRecord(value)) return { ok: false, error: 'the arguments are not a JSON object' };
  if (isDeeperThan(value, MAX_DEPTH)) {
    return { ok: false, error: `the arguments are nested deeper than ${MAX_DEPTH} levels` };
  }
  const { decision, ...args } = value;
  return { ok: true, args: args as JsonObject, decision };
};

/** The id of a call: step and place, both from 1. */
export const callId = (step: number, index: number): string => `s${step}.c${index + 1}`;
