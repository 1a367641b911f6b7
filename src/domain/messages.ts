import type { DecisionName } from './decision.ts';
import { isDeeperThan, isRecord, type JsonObject, jsonBytes, MAX_DEPTH, utf8Bytes } from './json.ts';
import { SIZES } from './sizes.ts';

/** A decision message, checked. `target` names a pending decision or a call; absent: a bare decision. */
export type DecisionMessage = {
  readonly name: DecisionName;
  readonly target?: string;
  readonly args?: JsonObject;
  readonly text?: string;
  readonly by?: string;
};

/** A checked message, or why it was refused, in words for the sender. */
export type Checked<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly refusal: string };

const refuse = (refusal: string) => ({ ok: false, refusal }) as const;

/** The fields of each message: those that name the target, and the one that holds the text. */
const FIELDS: Record<DecisionName, { target: string; text: string; allowed: readonly string[]; example: string }> = {
  approve: {
    target: 'callId',
    text: 'note',
    allowed: ['callId', 'id', 'args', 'note', 'by'],
    example: '{"callId":"s3.c1","note":"…","by":"ben"}',
  },
  deny: {
    target: 'callId',
    text: 'reason',
    allowed: ['callId', 'id', 'reason', 'by'],
    example: '{"callId":"s3.c1","reason":"…","by":"ben"}',
  },
  answer: {
    target: 'questionId',
    text: 'text',
    allowed: ['questionId', 'callId', 'id', 'text', 'by'],
    example: '{"text":"…","by":"ben"}',
  },
};

/** An optional text field: its value, undefined when absent, or a refusal. */
const textField = (payload: Record<string, unknown>, field: string): Checked<string | undefined> => {
  const value = payload[field];
  if (value === undefined || value === null) return { ok: true, value: undefined };
  if (typeof value !== 'string') return refuse(`"${field}" must be a text`);
  if (utf8Bytes(value) > SIZES.humanText) return refuse(`"${field}" is longer than ${SIZES.humanText} bytes`);
  return { ok: true, value };
};

const argsField = (payload: Record<string, unknown>): Checked<JsonObject | undefined> => {
  const value = payload['args'];
  if (value === undefined || value === null) return { ok: true, value: undefined };
  if (!isRecord(value)) return refuse('"args" must be an object with all arguments of the call');
  // Before its size is asked: writing it as JSON would throw, and an error in a handler wedges the run.
  if (isDeeperThan(value, MAX_DEPTH)) return refuse(`"args" is nested deeper than ${MAX_DEPTH} levels`);
  if (jsonBytes(value) > SIZES.toolArgs) return refuse(`"args" is larger than ${SIZES.toolArgs} bytes`);
  return { ok: true, value: value as JsonObject };
};

/**
 * Checks what came with a decision message. Signals carry whatever anyone types, so nothing here throws; and zod is too
 * heavy for the workflow (DESIGN §1), so the guard is written by hand.
 * @param target named by the handler itself (`approve s5.c1 7f3a`); wins over the payload
 */
export const checkDecision = (name: DecisionName, payload: unknown, target?: string): Checked<DecisionMessage> => {
  const fields = FIELDS[name];
  const shape = checkShape(payload, fields);
  if (!shape.ok) return shape;
  const given = shape.value;
  const named = [textField(given, 'id'), textField(given, fields.target), textField(given, 'callId')];
  const [text, by, args] = [textField(given, fields.text), textField(given, 'by'), argsField(given)];
  const wrong = [...named, text, by, args].find((field) => !field.ok);
  if (wrong?.ok === false) return wrong;
  const targets = new Set(named.flatMap((field) => (field.ok && field.value ? [field.value.trim()] : [])));
  if (target === undefined && targets.size > 1) return refuse('"id" and "callId" name different things; give one');
  const words = valueOf(text);
  if (name === 'answer' && (words ?? '').trim() === '') return refuse(`an answer needs its text: ${fields.example}`);
  const message = { target: target ?? [...targets][0], text: words, by: valueOf(by), args: valueOf(args) };
  return { ok: true, value: { name, ...withoutUndefined(message) } };
};

const checkShape = (
  payload: unknown,
  { allowed, example }: (typeof FIELDS)[DecisionName],
): Checked<Record<string, unknown>> => {
  if (payload === undefined || payload === null) return { ok: true, value: {} };
  if (!isRecord(payload)) return refuse(`the input must be empty or an object such as ${example}`);
  const unknown = Object.keys(payload).find((key) => !allowed.includes(key));
  if (unknown === undefined) return { ok: true, value: payload };
  return refuse(`unknown field ${JSON.stringify(unknown.slice(0, 40))}; allowed: ${allowed.join(', ')}`);
};

const valueOf = <T>(field: Checked<T>): T | undefined => (field.ok ? field.value : undefined);

type Defined<T> = { readonly [Key in keyof T]?: Exclude<T[Key], undefined> };

const withoutUndefined = <T extends object>(value: T): Defined<T> =>
  Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as Defined<T>;

/** Checks the input of `pause` (`{reason?}`) and `resume` (`{guidance?}`). */
export const checkControl = (field: 'reason' | 'guidance', payload: unknown): Checked<string | undefined> => {
  if (payload === undefined || payload === null) return { ok: true, value: undefined };
  if (!isRecord(payload)) return refuse(`the input must be empty or an object such as {"${field}":"…"}`);
  const unknown = Object.keys(payload).find((key) => key !== field && key !== 'by');
  if (unknown !== undefined) {
    return refuse(`unknown field ${JSON.stringify(unknown.slice(0, 40))}; allowed: ${field}, by`);
  }
  return textField(payload, field);
};
