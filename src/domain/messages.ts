import type { Scope } from './approval-rule.ts';
import type { DecisionName } from './decision.ts';
import { isDeeperThan, isFiniteDeep, isRecord, type JsonObject, jsonBytes, MAX_DEPTH, utf8Bytes } from './json.ts';
import { isPointer } from './json-pointer.ts';
import { SIZES } from './sizes.ts';

/** A decision message, checked. `target` names a pending decision or a call; absent: a bare decision. */
export type DecisionMessage = {
  readonly name: DecisionName;
  readonly target?: string;
  readonly args?: JsonObject;
  readonly text?: string;
  readonly by?: string;
  /** How far a yes reaches; absent: once. */
  readonly scope?: Scope;
  /** With the scope `values`: JSON pointers of the arguments that must stay the same; absent: all arguments. */
  readonly same?: readonly string[];
  /** A signed decision: a JWT that says exactly this. */
  readonly token?: string;
};

/** A checked message, or why it was refused, in words for the sender. */
export type Checked<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly refusal: string };

const refuse = (refusal: string) => ({ ok: false, refusal }) as const;

/** The fields of each message: those that name the target, and the one that holds the text. */
const FIELDS: Record<DecisionName, { target: string; text: string; allowed: readonly string[]; example: string }> = {
  approve: {
    target: 'callId',
    text: 'note',
    allowed: ['callId', 'id', 'args', 'note', 'by', 'scope', 'same', 'token'],
    example: '{"callId":"s3.c1","note":"…","by":"ben"}',
  },
  deny: {
    target: 'callId',
    text: 'reason',
    allowed: ['callId', 'id', 'reason', 'by', 'token'],
    example: '{"callId":"s3.c1","reason":"…","by":"ben"}',
  },
  answer: {
    target: 'questionId',
    text: 'text',
    allowed: ['questionId', 'callId', 'id', 'text', 'by', 'token'],
    example: '{"text":"…","by":"ben"}',
  },
};

const ABSENT = { ok: true, value: undefined } as const;

const isAbsent = (value: unknown): value is undefined | null => value === undefined || value === null;

/** An optional text field: its value, undefined when absent, or a refusal. */
const textField = (payload: Record<string, unknown>, field: string): Checked<string | undefined> => {
  const value = payload[field];
  if (isAbsent(value)) return ABSENT;
  if (typeof value !== 'string') return refuse(`"${field}" must be a text`);
  if (utf8Bytes(value) > SIZES.humanText) return refuse(`"${field}" is longer than ${SIZES.humanText} bytes`);
  return { ok: true, value };
};

const MAX_NAME = 200;

/** Who a sender says they are. A claim is shown and kept, so it is no longer than names are. */
const byField = (payload: Record<string, unknown>): Checked<string | undefined> => {
  const by = textField(payload, 'by');
  return by.ok && by.value !== undefined ? { ok: true, value: by.value.slice(0, MAX_NAME) } : by;
};

const argsField = (payload: Record<string, unknown>): Checked<JsonObject | undefined> => {
  const value = payload['args'];
  if (isAbsent(value)) return ABSENT;
  if (!isRecord(value)) return refuse('"args" must be an object with all arguments of the call');
  // Before its size is asked: writing it as JSON would throw, and an error in a handler wedges the run.
  if (isDeeperThan(value, MAX_DEPTH)) return refuse(`"args" is nested deeper than ${MAX_DEPTH} levels`);
  if (jsonBytes(value) > SIZES.toolArgs) return refuse(`"args" is larger than ${SIZES.toolArgs} bytes`);
  if (!isFiniteDeep(value)) return refuse('"args" holds a number that is too large');
  return { ok: true, value: value as JsonObject };
};

const SCOPES: readonly unknown[] = ['once', 'values', 'tool'] satisfies readonly Scope[];

const scopeField = ({ scope }: Record<string, unknown>): Checked<Scope | undefined> => {
  if (isAbsent(scope)) return ABSENT;
  if (SCOPES.includes(scope)) return { ok: true, value: scope as Scope };
  return refuse('"scope" must be "once", "values" or "tool", such as {"scope":"values","same":["/to"]}');
};

const MAX_SAME = 20;
const MAX_POINTER = 200;

const isShortPointer = (value: unknown): value is string =>
  typeof value === 'string' && utf8Bytes(value) <= MAX_POINTER && isPointer(value);

const sameField = ({ same, scope }: Record<string, unknown>): Checked<readonly string[] | undefined> => {
  if (isAbsent(same)) return ABSENT;
  if (scope !== 'values') return refuse('"same" needs the scope "values": {"scope":"values","same":["/to"]}');
  if (!Array.isArray(same) || same.length === 0 || same.length > MAX_SAME) {
    return refuse(`"same" must be a list of 1 to ${MAX_SAME} JSON pointers, such as ["/to","/amount"]`);
  }
  if (same.every(isShortPointer)) return { ok: true, value: same };
  return refuse(`"same" must hold JSON pointers of at most ${MAX_POINTER} bytes, such as "/to" or "/items/0/price"`);
};

const MAX_TOKEN = 8 * 1024;

const tokenField = ({ token }: Record<string, unknown>): Checked<string | undefined> => {
  if (isAbsent(token)) return ABSENT;
  if (typeof token !== 'string') return refuse('"token" must be a text: the signed decision as holdfast made it');
  if (token.length > MAX_TOKEN) return refuse(`"token" is longer than ${MAX_TOKEN} bytes`);
  if (/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token.trim())) return { ok: true, value: token.trim() };
  return refuse('"token" must be a signed decision: a JWT of three parts with dots between, such as "eyJ….eyJ….c2l…"');
};

const targetOf = (
  given: Record<string, unknown>,
  { field, target }: { readonly field: string; readonly target: string | undefined },
): Checked<string | undefined> => {
  const named = [textField(given, 'id'), textField(given, field), textField(given, 'callId')];
  const wrong = named.find((each) => !each.ok);
  if (wrong !== undefined) return wrong;
  if (target !== undefined) return { ok: true, value: target };
  const targets = new Set(named.flatMap((each) => (each.ok && each.value ? [each.value.trim()] : [])));
  if (targets.size > 1) return refuse('"id" and "callId" name different things; give one');
  return { ok: true, value: [...targets][0] };
};

/**
 * Checks what came with a decision message. Signals carry whatever anyone types, so nothing here throws; and zod is too
 * heavy for the workflow (DESIGN §1), so the guard is written by hand.
 * @param target named by the handler itself (`approve s5.c1 7f3a`); wins over the payload
 */
export const checkDecision = (name: DecisionName, payload: unknown, target?: string): Checked<DecisionMessage> => {
  const { allowed, example, target: field, text } = FIELDS[name];
  const shape = checkShape(payload, { allowed, example });
  if (!shape.ok) return shape;
  const given = shape.value;
  const fields = {
    target: targetOf(given, { field, target }),
    text: textField(given, text),
    by: byField(given),
    args: argsField(given),
    scope: scopeField(given),
    same: sameField(given),
    token: tokenField(given),
  };
  const wrong = Object.values(fields).find((each) => !each.ok);
  if (wrong?.ok === false) return wrong;
  const words = valueOf(fields.text) ?? '';
  if (name === 'answer' && words.trim() === '') return refuse(`an answer needs its text: ${example}`);
  return { ok: true, value: { name, ...valuesOf(fields) } };
};

const checkShape = (
  payload: unknown,
  { allowed, example }: { readonly allowed: readonly string[]; readonly example: string },
): Checked<Record<string, unknown>> => {
  if (isAbsent(payload)) return { ok: true, value: {} };
  // Of bytes, each one is a key.
  const isBytes = ArrayBuffer.isView(payload) && payload.byteLength > 0;
  if (isBytes || !isRecord(payload)) return refuse(`the input must be empty or an object such as ${example}`);
  const unknown = Object.keys(payload).find((key) => !allowed.includes(key));
  if (unknown === undefined) return { ok: true, value: payload };
  return refuse(`unknown field ${JSON.stringify(unknown.slice(0, 40))}; allowed: ${allowed.join(', ')}`);
};

const valueOf = <T>(field: Checked<T>): T | undefined => (field.ok ? field.value : undefined);

type Values<T> = {
  readonly [Key in keyof T]?: T[Key] extends Checked<infer Value> ? Exclude<Value, undefined> : never;
};

/** The values of fields, without those that are absent. */
const valuesOf = <T extends Record<string, Checked<unknown>>>(fields: T): Values<T> =>
  Object.fromEntries(
    Object.entries(fields).flatMap(([key, field]) =>
      field.ok && field.value !== undefined ? [[key, field.value]] : [],
    ),
  ) as Values<T>;

/** Checks the input of `pause` (`{reason?}`) and `resume` (`{guidance?}`). */
export const checkControl = (field: 'reason' | 'guidance', payload: unknown): Checked<string | undefined> => {
  const shape = checkShape(payload, { allowed: [field, 'by'], example: `{"${field}":"…"}` });
  return shape.ok ? textField(shape.value, field) : shape;
};

/** Which standing approval is taken back; `by` is a claim. */
export type Revocation = { readonly id: string; readonly by?: string };

const REVOKE = { allowed: ['id', 'by'], example: '{"id":"s3.c1-7f3a","by":"ben"}' };

/** Checks the input of `revoke`. @param target named by the handler itself (`revoke s3.c1 7f3a`) */
export const checkRevoke = (payload: unknown, target?: string): Checked<Revocation> => {
  const shape = checkShape(payload, REVOKE);
  if (!shape.ok) return shape;
  const [id, by] = [textField(shape.value, 'id'), byField(shape.value)];
  if (!id.ok) return id;
  if (!by.ok) return by;
  const named = target ?? id.value?.trim() ?? '';
  if (named === '') return refuse(`name the approval that is taken back: ${REVOKE.example}`);
  return { ok: true, value: { id: named, ...(by.value === undefined ? {} : { by: by.value }) } };
};
