import { inspect } from 'node:util';
import { ApplicationFailure } from '@temporalio/common';
import { z } from 'zod';
import type { CallContext, RunContext } from '../activities/ports.ts';
import { idempotencyKey } from '../domain/idempotency-key.ts';
import type { ResultItem } from '../domain/transcript.ts';
import type { Tool, ToolLog } from '../tools/tool.ts';
import { sanitizeOutput } from './sanitize.ts';

/** What one run of a tool is about. */
export type ToolRun = {
  readonly tool: Tool;
  readonly callId: string;
  readonly args: unknown;
  readonly input: unknown;
  readonly context: CallContext;
  readonly run: RunContext;
  readonly log: ToolLog;
};

/** Errors of the connection: the request may have arrived (Node, undici and common clients). */
const LOST_REPLY =
  /ECONNRESET|EPIPE|ETIMEDOUT|UND_ERR|socket hang up|other side closed|fetch failed|network error|terminated|AbortError|TimeoutError/i;
/** Errors from before anything was sent: nothing can have happened. */
const NOT_SENT = /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH/i;

const describeOne = (error: Error): string => {
  const code = 'code' in error ? ` (${String(error.code)})` : '';
  return `${error.name === 'Error' ? '' : `${error.name}: `}${error.message}${code}`;
};

const describe = (error: unknown): string => {
  const parts: string[] = [];
  for (let at: unknown = error, depth = 0; at !== undefined && at !== null && depth < 4; depth++) {
    parts.push(at instanceof Error ? describeOne(at) : inspect(at, { depth: 2 }));
    at = at instanceof Error ? at.cause : undefined;
  }
  return parts.join(': ').slice(0, 2_000);
};

/** How a failed attempt is to be taken. */
const classify = (tool: Tool, error: unknown, signal: AbortSignal): 'failed' | 'retry' | 'unknown' => {
  const text = describe(error);
  const isTransport = signal.aborted || LOST_REPLY.test(text) || NOT_SENT.test(text);
  if (!isTransport) return 'failed';
  // INVARIANT E3: what does not prove that nothing happened is unknown, and never tried again.
  if (tool.effect !== 'read' && !tool.idempotent) return !signal.aborted && NOT_SENT.test(text) ? 'failed' : 'unknown';
  return 'retry';
};

const checkOutput = async (tool: Tool, output: unknown): Promise<unknown> => {
  if (tool.output === undefined) return output;
  const parsed = await tool.output.safeParseAsync(output);
  if (parsed.success) return parsed.data;
  throw new TypeError(`the tool's output does not meet its schema: ${z.prettifyError(parsed.error).slice(0, 500)}`);
};

const isRepeatable = ({ effect, idempotent }: Tool): boolean => effect === 'read' || idempotent;

const failure = ({ tool, callId, run }: ToolRun, error: unknown, signal: AbortSignal): ResultItem => {
  // The worker shuts down, and another one takes over; or the task was cancelled, and nobody waits for the result.
  if (run.signal.aborted && isRepeatable(tool)) throw run.signal.reason;
  const status = classify(tool, error, signal);
  const message = signal.aborted && !run.signal.aborted ? `no answer within ${tool.timeoutMs} ms` : describe(error);
  if (status === 'retry' && run.attempt < tool.maxAttempts) {
    throw ApplicationFailure.create({ type: 'Tool.Failed', message: `${tool.name}: ${message}` });
  }
  const isUnknown = status === 'unknown' || (status === 'retry' && tool.effect !== 'read');
  return {
    kind: 'result',
    id: callId,
    tool: tool.name,
    status: isUnknown ? 'unknown' : 'failed',
    output: sanitizeOutput(message),
    trust: 'untrusted',
    attempts: run.attempt,
  };
};

/** How long a tool has to say what came of it, once its signal has aborted. */
const ABORT_GRACE_MS = 1_000;

/** Rejects some time after the signal aborts; a tool that ignores its signal must not hold the task. */
const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const give = () => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    signal.addEventListener('abort', () => setTimeout(give, ABORT_GRACE_MS).unref(), { once: true });
  });

/**
 * Runs a tool once. Its failures are results for the model; only an error that a retry may cure is thrown, while attempts are left.
 * @throws ApplicationFailure `Tool.Failed` (retryable); the signal's reason where a repeatable tool was cancelled
 */
export const runTool = async (request: ToolRun): Promise<ResultItem> => {
  const { tool, callId, args, input, context, run, log } = request;
  if (run.signal.aborted && isRepeatable(tool)) throw run.signal.reason;
  if (run.signal.aborted) {
    return {
      kind: 'result',
      id: callId,
      tool: tool.name,
      status: 'failed',
      output: 'cancelled before it began',
      trust: 'trusted',
      attempts: run.attempt,
    };
  }
  const signal = AbortSignal.any([run.signal, AbortSignal.timeout(tool.timeoutMs)]);
  try {
    const running = Promise.resolve(
      tool.execute(input, {
        taskId: context.taskId,
        callId,
        principal: context.principal,
        idempotencyKey: idempotencyKey(context, callId, args),
        attempt: run.attempt,
        signal,
        heartbeat: run.heartbeat,
        log,
      }),
    );
    const output = await Promise.race([running, aborted(signal)]);
    const checked = await checkOutput(tool, output).catch((error: unknown) => ({ mismatch: error }));
    if (typeof checked === 'object' && checked !== null && 'mismatch' in checked) {
      // The effect did happen; only its report is of no use.
      const status = tool.effect === 'read' ? 'failed' : 'succeeded';
      return {
        kind: 'result',
        id: callId,
        tool: tool.name,
        status,
        output: sanitizeOutput(describe(checked.mismatch)),
        trust: 'untrusted',
        attempts: run.attempt,
      };
    }
    const trust = tool.openWorld ? 'untrusted' : 'trusted';
    return {
      kind: 'result',
      id: callId,
      tool: tool.name,
      status: 'succeeded',
      output: sanitizeOutput(checked),
      trust,
      attempts: run.attempt,
    };
  } catch (error) {
    return failure(request, error, signal);
  }
};
