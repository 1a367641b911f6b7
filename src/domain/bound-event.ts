import type { DeskEvent } from './desk-event.ts';
import { cutText, isRecord, type JsonObject } from './json.ts';

/** Bytes of a text, and of one in a list. */
const MAX_TEXT = 2_000;
const MAX_LISTED = 300;
/** Entries of a list. */
const MAX_ENTRIES = 50;

const bound = (value: unknown, maxText: number): unknown => {
  if (typeof value === 'string') return cutText(value, maxText);
  if (Array.isArray(value)) return value.slice(0, MAX_ENTRIES).map((each) => bound(each, MAX_LISTED));
  if (!isRecord(value)) return value;
  // `args`: of a person's decision. What was decided about is no part of the record, only how.
  const kept = Object.entries(value).filter(([name, each]) => each !== undefined && name !== 'args');
  return Object.fromEntries(kept.map(([name, each]) => [name, bound(each, maxText)]));
};

/** An event as it is kept and told: every text and list bounded, without arguments (INVARIANT H1). */
export const boundEvent = (event: DeskEvent): DeskEvent & JsonObject =>
  bound(event, MAX_TEXT) as DeskEvent & JsonObject;
