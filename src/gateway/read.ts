import { ApplicationFailure } from '@temporalio/common';
import type { Gateway, GrantedApproval, Ran, ReadBatch } from '../activities/ports.ts';
import type { Reason, Verdict } from '../domain/proposal.ts';
import type { ResultItem } from '../domain/transcript.ts';
import type { Tool } from '../tools/tool.ts';
import { asReviewed, judgeApproval } from './approved.ts';
import { callEntry } from './audit.ts';
import { authorize } from './authorize.ts';
import { type Flight, type GatewayParts, makeFlight, resultOf, type ValidFlight } from './flight.ts';
import { endTurn, takeTurn } from './limit.ts';
import { type AuditEntry, taskRef } from './ports.ts';
import { reviewOf } from './review.ts';
import { runTool } from './run.ts';
import { cleanMessage, cleanReason, sanitizeFor, trustOf } from './sanitize-result.ts';
import { validateArgs } from './validate.ts';

/** A read that is over, and what the audit trail says of it. */
type Done = {
  readonly result: ResultItem;
  readonly entry: AuditEntry;
  readonly costUsd: number;
  readonly ask?: Ran['ask'];
};

const refused = (flight: Flight, reasons: readonly Reason[]): Done => ({
  result: resultOf(flight, {
    status: 'rejected',
    output: reasons.map(({ message }) => message).join('; '),
    trust: 'trusted',
  }),
  entry: callEntry(flight, 'outcome', { status: 'rejected', reasons: reasons.map(({ code }) => code) }),
  costUsd: 0,
});

const asked = (flight: ValidFlight, verdict: Verdict): Done => ({
  ...refused(flight, verdict.reasons),
  ask: reviewOf(flight, verdict, {}),
});

/** Reads leave no row in the ledger: nothing happened that could happen twice. */
const readNow = async (flight: ValidFlight): Promise<Done> => {
  const { parts, run, tool } = flight;
  run.signal.throwIfAborted();
  const turn = await takeTurn(flight);
  if (!turn.ok) return refused(flight, [turn.reason]);
  const attempt = await runTool(flight, run.attempt, run.signal);
  await endTurn(flight, turn.ticket, attempt.report);
  // The worker shuts down, and another one takes over; or the task was cancelled, and nobody waits for the result.
  if (run.signal.aborted && attempt.status !== 'succeeded') throw run.signal.reason;
  if (attempt.status === 'retry' && (await parts.store.limits.takeRetry(tool.name))) {
    throw ApplicationFailure.create({
      type: 'Tool.Failed',
      message: `${tool.name}: ${cleanMessage(flight, attempt.message)}`,
      nextRetryDelay: attempt.delayMs,
    });
  }
  const isDone = attempt.status === 'succeeded';
  const output = isDone ? (await sanitizeFor(flight, attempt.value)).output : cleanMessage(flight, attempt.message);
  const status = isDone ? 'succeeded' : 'failed';
  return {
    result: resultOf(flight, { status, output, trust: isDone ? trustOf(flight) : 'untrusted', attempts: run.attempt }),
    entry: callEntry(flight, 'outcome', { status, attempt: run.attempt }),
    costUsd: isDone ? attempt.costUsd : 0,
  };
};

const read = async (flight: Flight, approval: GrantedApproval | undefined): Promise<Done> => {
  const valid = await validateArgs(flight.tool, flight.call.args);
  if (!valid.ok) return refused(flight, [cleanReason(flight.parts, valid.reason)]);
  const ready: ValidFlight = { ...flight, args: valid.args, input: valid.input };
  const authorized = await authorize(flight.parts, { ...ready, provenance: flight.call.provenance }, flight.argsDigest);
  const verdict = asReviewed(authorized.verdict, approval);
  if (verdict.outcome === 'reject') return refused(flight, verdict.reasons);
  if (verdict.outcome === 'allow') return readNow(ready);
  const approved = judgeApproval(ready, { verdict, approval, before: undefined });
  return approved.ok ? readNow(ready) : asked(ready, { outcome: 'ask', reasons: approved.reasons });
};

/**
 * One read in an activity of its own: validate → authorize → limit → run → sanitize → audit.
 * @throws ApplicationFailure `Tool.Failed` (retryable) while another attempt may cure it
 */
export const readOne = async (flight: Flight, approval: GrantedApproval | undefined): Promise<Ran> => {
  const { result, entry, costUsd, ask } = await read(flight, approval);
  const anchor = await flight.parts.store.audit.append(taskRef(flight.context), [entry]);
  return { result, anchor, ...(costUsd > 0 ? { costUsd } : {}), ...(ask === undefined ? {} : { ask }) };
};

/** Reads side by side. One append to the audit trail for all of them. */
export const readBatch = async (
  parts: GatewayParts,
  toolOf: (name: string) => Tool | undefined,
  { calls, context, situation, run, isReviewNext = false }: Parameters<Gateway['read']>[0],
): Promise<ReadBatch> => {
  const done = await Promise.all(
    calls.map(async (call) => {
      const tool = toolOf(call.tool);
      if (tool !== undefined) return read(makeFlight(parts, tool, { call, context, situation, run }), undefined);
      const output = `the tool ${call.tool} is not there any more`;
      return {
        result: resultOf({ call, tool: { name: call.tool } }, { status: 'rejected', output, trust: 'trusted' }),
      };
    }),
  );
  const entries = done.flatMap((each) => ('entry' in each ? [each.entry] : []));
  const trail = isReviewNext ? { entries } : { anchor: await parts.store.audit.append(taskRef(context), entries) };
  const costUsd = done.reduce((sum, each) => sum + ('costUsd' in each ? each.costUsd : 0), 0);
  return { results: done.map(({ result }) => result), ...trail, ...(costUsd > 0 ? { costUsd } : {}) };
};
