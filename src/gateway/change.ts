import type { Change } from '../domain/decision.ts';
import { cutText, isRecord, type Json, jsonBytes } from '../domain/json.ts';
import { diffTexts, type Side } from './diff-text.ts';
import type { ValidFlight } from './flight.ts';
import { against } from './run.ts';
import { toJson, toLedgerJson } from './sanitize.ts';
import { cleanMessage } from './sanitize-result.ts';

/** What is shown of one change, bytes of JSON. */
export const MAX_CHANGE = 6 * 1024;

/** What whoever approves is shown of a change; `problem`: why it is less than there is to show. */
export type ShownChange = { readonly change: Change; readonly problem?: string };

const byKey = ([one]: [string, unknown], [other]: [string, unknown]): number => (one < other ? -1 : 1);

/** JSON as people read it: the same order of keys on both sides, so that only what differs differs. */
const pretty = (value: Json): Side => {
  if (value === null || typeof value === 'string') return value;
  const sorted = (_: string, inner: unknown): unknown =>
    isRecord(inner) ? Object.fromEntries(Object.entries(inner).toSorted(byKey)) : inner;
  return `${JSON.stringify(value, sorted, 2)}\n`;
};

/** Both sides, as the tool says they are to be shown; or a diff that it made itself. */
const sidesOf = (image: Json, previewed: Json): readonly [Json, Json] | string => {
  const both = isRecord(previewed) ? previewed['$diff'] : undefined;
  if (typeof both === 'string') return both;
  if (!isRecord(both)) return [image, previewed];
  return [both['before'] ?? null, both['after'] ?? null];
};

const SAME = '(nothing changes)';
const HIDDEN = '(what changes is not shown: it is secret, or made of characters that nobody sees, or far down)';

/** Cleaned first, whole, and compared then: cut at the edge of a place that changes, a secret would not be known for one. */
const compare = ({ parts }: ValidFlight, [before, after]: readonly [Json, Json]): Change => {
  if (pretty(before) === pretty(after)) return { diff: SAME };
  const [from, to] = [before, after].map((side) => pretty(toLedgerJson(side, parts.secrets)));
  if (from === to) return { diff: HIDDEN, isCut: true };
  const { diff, isCut } = diffTexts(from ?? null, to ?? null, MAX_CHANGE);
  return { diff, ...(isCut ? { isCut } : {}) };
};

/** A text, cut so that as JSON it stays in its bounds. */
const cutToFit = (text: string): { readonly shown: string; readonly isCut?: true } => {
  for (let room = MAX_CHANGE; ; room = Math.floor(room / 2)) {
    const shown = cutText(text, room);
    if (jsonBytes(shown) <= MAX_CHANGE) return { shown, ...(shown === text ? {} : { isCut: true }) };
  }
};

/** A before-image alone. */
const showBefore = ({ parts }: ValidFlight, image: Json): Change => {
  const { shown, ...cut } = cutToFit(pretty(toLedgerJson(image, parts.secrets)) ?? '(there is nothing yet)');
  return { before: shown, ...cut };
};

/** A diff that the tool made itself: these are its words. */
const showOwn = ({ parts }: ValidFlight, diff: string): Change => {
  const { shown, ...cut } = cutToFit(pretty(toLedgerJson(diff, parts.secrets)) ?? '');
  return { diff: shown, ...cut };
};

/** What the tool says becomes of it. @throws whatever its hook throws; an error where it says nothing */
const previewOf = async ({ tool, input }: ValidFlight, image: Json, timeoutMs: number): Promise<Json> => {
  // A copy: the image itself is stored for the undo, and compared.
  const previewed = await against(AbortSignal.timeout(timeoutMs), () => tool.preview?.(input, structuredClone(image)));
  if (previewed === undefined) throw new Error('the preview says nothing');
  return toJson(previewed);
};

/**
 * What a call would change: a unified diff where its tool has a `preview`, else what stands there now. Without secrets and
 * hidden characters, at most `MAX_CHANGE` bytes, in bounded time. Never throws.
 */
export const changeOf = async (flight: ValidFlight, image: Json, timeoutMs: number): Promise<ShownChange> => {
  try {
    if (flight.tool.preview === undefined) return { change: showBefore(flight, image) };
    const sides = sidesOf(image, await previewOf(flight, image, timeoutMs));
    return { change: typeof sides === 'string' ? showOwn(flight, sides) : compare(flight, sides) };
  } catch (error) {
    const problem = cleanMessage(flight, String(error)).slice(0, 300);
    return { change: showBefore(flight, image), problem };
  }
};
