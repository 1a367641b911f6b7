import type { Tool } from '../tools/tool.ts';
import { type Classified, classify, retryDelayMs } from './classify.ts';
import { timedSignal } from './clocked-signal.ts';
import { toolContext, type ValidFlight } from './flight.ts';
import type { Report } from './ports.ts';

/** How one attempt of a tool ended. */
export type Attempt =
  | {
      readonly status: 'succeeded';
      /** What the tool returned. */
      readonly value: unknown;
      /** The effect happened, but what was returned is of no use, and why. */
      readonly problem?: string;
      readonly costUsd: number;
      readonly report: Report;
    }
  | {
      readonly status: 'failed' | 'unknown';
      readonly message: string;
      readonly report: Report;
      readonly stopped?: Promise<void>;
    }
  /** Another attempt may cure it, and is safe; `otherwise` is what it is when none is left. */
  | {
      readonly status: 'retry';
      readonly message: string;
      readonly delayMs: number;
      readonly otherwise: 'failed' | 'unknown';
      readonly report: Report;
      /** The tool ignores its signal and still runs; resolves when it has stopped. */
      readonly stopped?: Promise<void>;
    };

/** How long a tool has to say what came of it, once its signal has aborted. */
const ABORT_GRACE_MS = 1_000;

/** Rejects some time after the signal aborts; a tool that ignores its signal must not hold the task. */
const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const give = () => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    const later = () => setTimeout(give, ABORT_GRACE_MS).unref();
    if (signal.aborted) later();
    else signal.addEventListener('abort', later, { once: true });
  });

/** Runs one of a tool's functions against a signal: what ignores the signal is left behind. */
export const against = <T>(signal: AbortSignal, work: () => Promise<T> | T): Promise<T> =>
  Promise.race([Promise.resolve().then(work), aborted(signal)]);

const isEmpty = (output: unknown): boolean =>
  output === undefined ||
  output === null ||
  output === '' ||
  (typeof output === 'object' && Object.keys(output).length === 0);

/** Why an output is of no use; undefined: it is fine. Rules that err say so. */
const problemOf = async (tool: Tool, output: unknown): Promise<{ value: unknown; problem?: string }> => {
  try {
    const parsed = (await tool.output?.parse(output)) ?? { ok: true, value: output };
    if (!parsed.ok) {
      return { value: output, problem: `the tool's output does not meet its schema: ${parsed.problems}` };
    }
    const { value } = parsed;
    if (tool.nonEmpty && isEmpty(value)) return { value, problem: 'the tool returned nothing' };
    return tool.isJunk?.(value) === true ? { value, problem: 'the tool returned a useless result' } : { value };
  } catch (error) {
    return { value: output, problem: `the tool's output could not be checked: ${String(error).slice(0, 200)}` };
  }
};

const costOf = (tool: Tool, input: unknown, output: unknown): number => {
  try {
    const cost = tool.cost?.(input, output) ?? 0;
    return Number.isFinite(cost) && cost > 0 ? cost : 0;
  } catch {
    return 0;
  }
};

const reportOf = (classified: Classified, flight: ValidFlight): Report => {
  const error = classified.message;
  // A system that asks for a pause is not broken.
  if (flight.run.signal.aborted || classified.kind === 'rate_limited') return { kind: 'none' };
  return classified.kind === 'permanent'
    ? { kind: 'refused', error, argsDigest: flight.argsDigest }
    : { kind: 'failure', error };
};

const isRepeatable = ({ effect, idempotent }: Tool): boolean => effect === 'read' || idempotent;

/** INVARIANT E3: what may have happened is tried again by an idempotent tool only, and is never taken for failed. */
const judgeError = (
  flight: ValidFlight,
  error: unknown,
  how: { attempt: number; signal: AbortSignal },
): Exclude<Attempt, { status: 'succeeded' }> => {
  const { tool, run, parts } = flight;
  const isTimeout = how.signal.aborted && !run.signal.aborted;
  const classified = classify(tool, error, { isAborted: how.signal.aborted });
  const message = isTimeout ? `no answer within ${tool.timeoutMs} ms` : classified.message;
  const report = reportOf(classified, flight);
  const status = classified.mayHaveHappened ? 'unknown' : 'failed';
  if (classified.kind !== 'permanent' && isRepeatable(tool) && how.attempt < tool.maxAttempts) {
    const delay = classified.retryAfterMs === undefined ? {} : { retryAfterMs: classified.retryAfterMs };
    return { status: 'retry', message, delayMs: retryDelayMs(how.attempt, delay), otherwise: status, report };
  }
  if (status === 'unknown') parts.log.warn('an effect is unknown', { tool: tool.name, callId: flight.call.id });
  return { status, message, report };
};

const verifyEffect = async (
  flight: ValidFlight,
  value: unknown,
  how: { attempt: number; signal: AbortSignal },
): Promise<true | string> => {
  const { tool, input } = flight;
  if (tool.verify === undefined) return true;
  try {
    return (await against(how.signal, () => tool.verify?.(input, value, toolContext(flight, how)))) ?? true;
  } catch (error) {
    return `it could not be read back: ${String(error).slice(0, 300)}`;
  }
};

/** What reading back denies is not known: tried again where that is safe, else put before a person. */
const notVerified = (flight: ValidFlight, wrong: string, attempt: number): Attempt => {
  const message = `the tool reported success, but reading back says: ${wrong}`;
  const report: Report = { kind: 'junk', error: message };
  return flight.tool.idempotent && attempt < flight.tool.maxAttempts
    ? { status: 'retry', message, delayMs: retryDelayMs(attempt, {}), otherwise: 'unknown', report }
    : { status: 'unknown', message, report };
};

/** A tool at work: it may go on after it was given up. */
const startTool = (work: () => unknown) => {
  let isOver = false;
  const result = Promise.resolve().then(work);
  const end = (): void => {
    isOver = true;
  };
  return { result, stopped: result.then(end, end), isOver: () => isOver };
};

/**
 * Runs a tool once: time-out, signal, check of the output, read-back. Never throws: what a tool does is a result.
 * @param attempt 1 for the first attempt of this call
 */
export const runTool = async (flight: ValidFlight, attempt: number, stop: AbortSignal): Promise<Attempt> => {
  const { tool, input } = flight;
  const signal = timedSignal(stop, tool.timeoutMs);
  const how = { attempt, signal };
  const running = startTool(() => tool.execute(input, toolContext(flight, how)));
  try {
    const returned = await against(signal, () => running.result);
    const { value, problem } = await problemOf(tool, returned);
    if (problem !== undefined) {
      const report: Report = { kind: 'junk', error: problem };
      // An effect did happen; only its report is of no use.
      return tool.effect === 'read'
        ? { status: 'failed', message: problem, report }
        : {
            status: 'succeeded',
            value,
            problem,
            costUsd: costOf(tool, input, value),
            report,
          };
    }
    const verified = await verifyEffect(flight, value, how);
    if (verified !== true) return notVerified(flight, verified, attempt);
    return {
      status: 'succeeded',
      value,
      costUsd: costOf(tool, input, value),
      report: { kind: 'success' },
    };
  } catch (error) {
    const judged = judgeError(flight, error, how);
    return running.isOver() ? judged : { ...judged, stopped: running.stopped };
  }
};
