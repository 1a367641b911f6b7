import { type Digest, digestJson } from '../domain/digest.ts';
import { type Json, jsonBytes } from '../domain/json.ts';
import type { Tool } from '../tools/tool.ts';
import { toolContext, type ValidFlight } from './flight.ts';
import { against } from './run.ts';
import { MAX_ARTIFACT } from './sanitize.ts';
import { cleanMessage } from './sanitize-result.ts';

/** What stood there before an effect, as its tool tells it. Never shown as it is: it may hold secrets. */
export type BeforeImage = { readonly image: Json; readonly digest: Digest };

/** What came of taking a before-image: `none` where the tool takes none. */
export type TakenBefore =
  | { readonly kind: 'none' }
  | { readonly kind: 'taken'; readonly image: Json }
  | { readonly kind: 'failed'; readonly why: string };

/** What is stored has to come back as it was. @throws what `JSON.stringify` throws; an error for what is too large */
const checkImage = (taken: Json): Json => {
  const bytes = jsonBytes(taken);
  if (bytes > MAX_ARTIFACT) throw new Error(`it has ${bytes} bytes; at most ${MAX_ARTIFACT} are kept`);
  return taken;
};

/** Whether what a call would change can be told before it runs. */
export const hasBefore = (tool: Tool): boolean =>
  (tool.snapshot !== undefined || tool.look !== undefined) && tool.effect !== 'read';

/** Whether the before-image is what an undo needs: it is stored then, and without it the effect is not done. */
export const keepsBefore = (tool: Tool): boolean => tool.snapshot !== undefined;

/** Takes the before-image of a call. Never throws: a tool's hook does whatever it does. */
export const takeBefore = async (flight: ValidFlight, timeoutMs = flight.tool.timeoutMs): Promise<TakenBefore> => {
  const { tool, input, run } = flight;
  if (!hasBefore(tool)) return { kind: 'none' };
  const signal = AbortSignal.any([run.signal, AbortSignal.timeout(timeoutMs)]);
  try {
    const context = toolContext(flight, { attempt: 1, signal });
    const take = () => (keepsBefore(tool) ? tool.snapshot?.(input, context) : tool.look?.(input, context));
    const taken = await against(signal, take);
    return { kind: 'taken', image: checkImage(taken ?? null) };
  } catch (error) {
    return { kind: 'failed', why: cleanMessage(flight, String(error)).slice(0, 300) };
  }
};

/** As it is stored: what JSON leaves out, or writes otherwise, makes no difference. @throws RangeError for what is nested too deeply */
const nameImage = (image: Json): BeforeImage => {
  const stored = JSON.parse(JSON.stringify(image)) as Json;
  return { image: stored, digest: digestJson(stored) };
};

/** What came of taking a before-image for an approval, which covers it by its digest (INVARIANT A1). */
export type TakenNamed =
  | Exclude<TakenBefore, { kind: 'taken' }>
  | { readonly kind: 'taken'; readonly before: BeforeImage };

/** Takes the before-image of a call, and names it. Never throws. */
export const takeNamed = async (flight: ValidFlight, timeoutMs?: number): Promise<TakenNamed> => {
  const taken = await takeBefore(flight, timeoutMs);
  if (taken.kind !== 'taken') return taken;
  try {
    return { kind: 'taken', before: nameImage(taken.image) };
  } catch (error) {
    const why = error instanceof RangeError ? 'it is nested too deeply' : cleanMessage(flight, String(error));
    return { kind: 'failed', why };
  }
};
