import type { ApprovalRule, Expiry } from './approval-rule.ts';
import { assertNever } from './assert-never.ts';
import type { DeskStep, PendingDecision, PendingKind } from './decision.ts';

/** What no machine may say, however late it is: that something happened, or that it need not be undone. */
const NEVER_EXPIRES: ReadonlySet<PendingKind> = new Set(['effect', 'compensation']);

const at = (ms: number): string => new Date(ms).toISOString();

/**
 * What happens with a question while nobody decides, in order; nothing comes after it has expired.
 * @param sinceMs when it was asked, milliseconds since 1970
 */
export const timelineOf = (
  { remindMs, escalate, expire }: Pick<ApprovalRule, 'remindMs' | 'escalate' | 'expire'>,
  kind: PendingKind,
  sinceMs: number,
): readonly DeskStep[] => {
  const endMs = expire === undefined || NEVER_EXPIRES.has(kind) ? Number.POSITIVE_INFINITY : expire.afterMs;
  const steps: (readonly [number, DeskStep])[] = [
    ...(remindMs === undefined ? [] : [[remindMs, { at: at(sinceMs + remindMs), do: 'remind' }] as const]),
    ...escalate.map(
      ({ afterMs, roles }) => [afterMs, { at: at(sinceMs + afterMs), do: 'escalate', roles: [...roles] }] as const,
    ),
  ];
  const earlier = steps.filter(([afterMs]) => afterMs < endMs).toSorted(([one], [other]) => one - other);
  return [
    ...earlier.map(([, step]) => step),
    ...(expire === undefined || endMs === Number.POSITIVE_INFINITY
      ? []
      : [{ at: at(sinceMs + expire.afterMs), do: 'expire', then: expire.then } as const]),
  ];
};

/** When a question expires; undefined: it does not. */
export const deadlineOf = (timeline: readonly DeskStep[]): string | undefined =>
  timeline.find((step) => step.do === 'expire')?.at;

/** What happens next if nobody decides. */
export const nextStep = ({ timeline }: Pick<PendingDecision, 'timeline'>): DeskStep | undefined => timeline?.[0];

/**
 * Milliseconds until a step. One that should have been taken already (no worker ran then) is taken at once.
 * @param nowMs milliseconds since 1970
 */
export const msUntil = (step: DeskStep, nowMs: number): number => Math.max(0, Date.parse(step.at) - nowMs);

/** What a denial by the clock comes to: a call does not run, and a task that nobody let go on, or whose result nobody took, ends. */
const DENIED: Readonly<Partial<Record<PendingKind, string>>> = { answer: 'no answer', review: 'the task ends' };

const endOf = (kind: PendingKind, then: Expiry): string =>
  ({ deny: DENIED[kind] ?? 'denied', fallback: 'the task ends with its fallback', pause: 'the task pauses' })[then];

/** Words for the timer of a step, as the timeline of the UI shows them: `remind: files.write waits (s5.c1-7f3a)`. */
export const describeStep = (
  { id, tool, kind, who }: Pick<PendingDecision, 'id' | 'tool' | 'kind' | 'who'>,
  step: DeskStep,
): string => {
  const what = tool === '' ? kind : tool;
  switch (step.do) {
    case 'remind':
      return `remind: ${what} waits (${id})`;
    case 'escalate':
      // Where anybody may decide, nobody is added: those roles are only told.
      return who?.roles.length === 0
        ? `${step.roles.join(', ')} are told that ${what} waits (${id})`
        : `${what} goes to ${step.roles.join(', ')} (${id})`;
    case 'expire':
      return `${what}: ${endOf(kind, step.then)} at ${step.at.slice(11, 16)} UTC (${id})`;
    default:
      return assertNever(step);
  }
};

/** A question after its next step was taken: the step is gone, and whoever it goes to may decide, too. */
export const afterStep = (pending: PendingDecision): PendingDecision => {
  const { timeline = [], ...rest } = pending;
  const [taken, ...left] = timeline;
  const later: PendingDecision = left.length === 0 ? rest : { ...rest, timeline: left };
  // Where anybody may decide, nobody is added: a list of roles would shut the others out.
  if (taken?.do === 'escalate' && later.who !== undefined && later.who.roles.length > 0) {
    const roles = [...new Set([...later.who.roles, ...taken.roles])];
    return { ...later, who: { ...later.who, roles } };
  }
  if (taken?.do !== 'expire') return later;
  const { deadline: _, ...open } = later;
  return open;
};
