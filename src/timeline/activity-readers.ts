import type {
  Admission,
  CompensateInput,
  ExecuteInput,
  ExecuteResult,
  NarrowGrantsResult,
  ProposeInput,
  ProposeResult,
  ReadInput,
  ReportInput,
  ReviewInput,
  VerifiedDecision,
  VerifyDecisionInput,
} from '../activities/messages.ts';
import type { Compensated } from '../activities/ports.ts';
import type { Review } from '../domain/proposal.ts';
import type { ResultItem } from '../domain/transcript.ts';
import type { Account } from './account.ts';
import type { ProgressEvent } from './progress-event.ts';
import { toProposed } from './proposed-call.ts';

/** Progress without its time, which the event gives. */
export type Bare = ProgressEvent extends infer Each ? (Each extends ProgressEvent ? Omit<Each, 'at'> : never) : never;

/** When an activity was scheduled and when it ended, milliseconds since 1970. */
type Times = { readonly startedAt: number; readonly endedAt: number };

/** How the events of one kind of activity are read into an account. */
export type ActivityReader = {
  readonly began?: (account: Account, input: unknown) => Bare[];
  readonly ended?: (account: Account, result: unknown, scheduled: { readonly input: unknown } & Times) => Bare[];
};

const toProgress = (results: readonly ResultItem[]): Bare[] =>
  results.map(({ id, tool, status, output }) => ({ type: 'result', callId: id, tool, status, output }));

const proposed = ({ step }: ProposeInput, { items, reviews, model, usage, costUsd }: ProposeResult): Bare => {
  const proposal = items.find((item) => item.kind === 'proposal');
  const { inputTokens, outputTokens } = usage;
  return {
    type: 'proposed',
    step,
    text: proposal?.text ?? '',
    calls: (proposal?.calls ?? []).map((raw, index) => toProposed(raw, reviews[index])),
    model,
    usage: { inputTokens, outputTokens },
    costUsd,
  };
};

const propose: ActivityReader = {
  began: (account, input) => {
    const { step, reads, appended } = input as ProposeInput;
    return [...toProgress(account.add(appended)), { type: 'thinking', step, reads }];
  },
  ended: (account, result, { input, ...times }) => {
    const [asked, answer] = [input as ProposeInput, result as ProposeResult];
    return [...toProgress(account.proposed(asked, answer, times)), proposed(asked, answer)];
  },
};

const execute: ActivityReader = {
  began: (account, input) => {
    const { call, approval } = input as ExecuteInput;
    if (approval !== undefined) account.desk.approved(call.tool, approval);
    if (account.reviewOf(call.id)?.effect !== 'read') account.effects.began(input as ExecuteInput);
    return [{ type: 'running', callId: call.id, tool: call.tool }];
  },
  ended: (account, result, { endedAt }) => toProgress(account.executed(result as ExecuteResult, endedAt)),
};

const compensate: ActivityReader = {
  began: (_, input) => {
    const { call } = input as CompensateInput;
    return [{ type: 'undoing', callId: call.id, tool: call.tool }];
  },
  ended: (account, result, { input, endedAt }) => {
    const { call } = input as CompensateInput;
    const { status, message = null } = result as Compensated;
    account.compensated(call, result as Compensated, endedAt);
    return [{ type: 'undone', callId: call.id, tool: call.tool, status, message }];
  },
};

const verifyDecision: ActivityReader = {
  ended: (account, result, { input, endedAt }) => {
    const verified = result as VerifiedDecision;
    const { id, decision, token } = input as VerifyDecisionInput;
    if (!verified.ok) return account.unproven({ id, decision, reason: verified.refusal }, endedAt);
    const reason = account.signals.desk.proven(token, verified, endedAt);
    return reason === undefined ? [] : [account.ignored(`${decision} ${id.replace('-', ' ')}`, reason, endedAt)];
  },
};

/** Changed arguments that came with a signal: whoever sent it has no other answer. */
const review: ActivityReader = {
  ended: (account, result, { input, endedAt }) => {
    const { verdict } = result as Review;
    const { call } = input as ReviewInput;
    const name = verdict.outcome === 'reject' ? account.signals.desk.rejected(call.id, call.args) : undefined;
    if (name === undefined) return [];
    const reasons = verdict.reasons.map(({ message }) => message).join('; ');
    return [account.ignored(name, `the edited arguments were refused: ${reasons}`, endedAt)];
  },
};

/** By activity type; what is not here says nothing about the task. */
export const ACTIVITY_READERS: Readonly<Record<string, ActivityReader>> = {
  admit: {
    ended: (account, result) => {
      account.admitted(result as Admission);
      return [];
    },
  },
  narrowGrants: {
    ended: (account, result, { endedAt }) => {
      account.narrowed(result as NarrowGrantsResult, endedAt);
      return [];
    },
  },
  propose,
  execute,
  resolve: { ended: execute.ended ?? (() => []) },
  read: {
    began: (_, input) =>
      (input as ReadInput).calls.map(({ id, tool }) => ({ type: 'running' as const, callId: id, tool })),
    ended: (account, result) => toProgress(account.read(result as ExecuteResult[])),
  },
  compensate,
  verifyDecision,
  review,
  report: {
    began: (account, input) =>
      account.desk.reported((input as ReportInput).events, (id) => account.signals.desk.shareOf(id)),
  },
};
