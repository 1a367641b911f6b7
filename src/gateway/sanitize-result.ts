import type { Json } from '../domain/json.ts';
import type { Reason } from '../domain/proposal.ts';
import { argsAreUntrusted } from '../domain/provenance.ts';
import type { Trust } from '../domain/transcript.ts';
import type { Flight } from './flight.ts';
import { taskRef } from './ports.ts';
import { cleanText, sanitizeOutput } from './sanitize.ts';

/**
 * INVARIANT T1: what an outsider can write is untrusted, and so is what a tool made of untrusted arguments.
 */
export const trustOf = ({ tool, call, situation }: Flight): Trust =>
  tool.openWorld || argsAreUntrusted(call.provenance ?? {}, situation?.isUntrusted === true) ? 'untrusted' : 'trusted';

/** The stage `sanitize`: what the model sees of an output; the whole is kept as an artifact of the task where it is cut. */
export const sanitizeFor = ({ parts, context }: Flight, output: unknown): Promise<{ readonly output: Json }> =>
  sanitizeOutput({ output, task: taskRef(context), artifacts: parts.store.artifacts, secrets: parts.secrets });

/** A reason with a tool's own words in it, fit for model, page and audit trail. */
export const cleanReason = ({ secrets }: Pick<Flight['parts'], 'secrets'>, reason: Reason): Reason => ({
  ...reason,
  message: cleanText(reason.message, secrets),
});

/** An error's text, fit for the model. */
export const cleanMessage = ({ parts }: Flight, message: string): string => cleanText(message, parts.secrets);
