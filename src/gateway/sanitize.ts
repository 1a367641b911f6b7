import { removeHidden } from '../domain/hidden-text.ts';
import { cutText, type Json, jsonBytes, utf8Bytes } from '../domain/json.ts';
import { redactorFor } from '../domain/secrets.ts';
import { SIZES } from '../domain/sizes.ts';
import type { Artifact, Artifacts, TaskRef } from './ports.ts';
import { type Attachment, isTextType } from './sanitize/bytes.ts';
import { jsonPrefix, utf8Prefix } from './sanitize/cut.ts';
import { makeJson } from './sanitize/to-json.ts';

/** The largest artifact, bytes. */
export const MAX_ARTIFACT = 32 * 1024 * 1024;
/** Attachments of one output; an output of thousands is a mistake or an attack. */
const MAX_ATTACHMENTS = 32;
/** The largest output in the ledger, bytes. */
const MAX_LEDGER_OUTPUT = 1024 * 1024;
/** Room for the words about a cut. */
const MARKER_ROOM = 600;
/** The largest error text, bytes. */
const MAX_MESSAGE = 4 * 1024;

/** What is made fit, and for whom. */
export type SanitizeRequest = {
  readonly output: unknown;
  readonly task: TaskRef;
  /** Where the whole is kept when the model sees a part; absent: nowhere, and the marker says so. */
  readonly artifacts?: Artifacts | undefined;
  /** Values that are redacted wherever they stand. The same array each time: what is made of it is remembered. */
  readonly secrets: readonly string[];
};

/** An output that is fit for transcript, history and model. */
export type Sanitized = { readonly output: Json; readonly artifacts: readonly Artifact[] };

/** Cleans a text: no hidden characters (INVARIANT T3), no secrets. In this order: a secret may be broken up by them. */
const cleaner = (secrets: readonly string[]): ((text: string) => string) => {
  const redact = redactorFor(secrets);
  return (text) => redact(removeHidden(text));
};

/** An error's text, fit for the model: no hidden characters, no secrets, at most `maxBytes`. */
export const cleanText = (text: string, secrets: readonly string[] = [], maxBytes = MAX_MESSAGE): string => {
  // Cut before, so that a huge text costs little, and after: what is redacted may grow.
  const clean = cleaner(secrets)(text.length > maxBytes * 16 ? text.slice(0, maxBytes * 16) : text);
  return cutText(clean, maxBytes);
};

const inlineAttachment = ({ mediaType, bytes }: Attachment): Json => ({
  $attachment: { mediaType, base64: Buffer.from(bytes).toString('base64') },
});

/** Makes JSON of whatever a tool returned: bounded, without change to texts, attachments in line. Never throws. */
export const toJson = (value: unknown): Json =>
  makeJson(value, {
    text: (text) => text.toWellFormed(),
    attachment: inlineAttachment,
    maxChars: MAX_ARTIFACT,
    maxAttachment: MAX_ARTIFACT,
  }).json;

/**
 * A tool's output as the ledger keeps it: JSON, without hidden characters and secrets, at most 1 MB. A larger one becomes its
 * beginning as a text, with a marker. Never throws.
 */
export const toLedgerJson = (output: unknown, secrets: readonly string[]): Json => {
  let room = MAX_LEDGER_OUTPUT / 2;
  const attachment = (found: Attachment): Json => {
    if (found.bytes.length > room) return `[attachment: ${found.mediaType}, ${found.bytes.length} bytes, not kept]`;
    room -= found.bytes.length;
    return inlineAttachment(cleanAttachment(found, cleaner(secrets)));
  };
  const { json } = makeJson(output, {
    text: cleaner(secrets),
    attachment,
    maxChars: MAX_LEDGER_OUTPUT,
    maxAttachment: MAX_LEDGER_OUTPUT,
  });
  if (jsonBytes(json) <= MAX_LEDGER_OUTPUT) return json;
  const text = typeof json === 'string' ? json : JSON.stringify(json);
  return `${jsonPrefix(text, MAX_LEDGER_OUTPUT - MARKER_ROOM)}\n[cut: an output of ${utf8Bytes(text)} bytes]`;
};

const CUT = /\n\[cut: an output of \d+ bytes\]$/;

/** Tells whether the ledger kept only the beginning of an output. */
export const isCutOutput = (output: Json): boolean => typeof output === 'string' && CUT.test(output.slice(-100));

/**
 * The output of an effect that can be undone, as the ledger keeps it: whole, because `compensate` is given it and an
 * identifier in it may look like a secret. Who is answered from the ledger gets it cleaned. Over 1 MB it is cut.
 */
export const toUndoJson = (output: unknown, secrets: readonly string[]): Json => {
  const whole = toJson(output);
  return jsonBytes(whole) <= MAX_LEDGER_OUTPUT ? whole : toLedgerJson(output, secrets);
};

const decoder = new TextDecoder('utf-8');

/** An attachment that is text is cleaned like any other text. */
const cleanAttachment = ({ mediaType, bytes }: Attachment, clean: (text: string) => string): Attachment =>
  isTextType(mediaType)
    ? { mediaType, bytes: Buffer.from(clean(decoder.decode(bytes)), 'utf8') }
    : { mediaType, bytes };

type Kept = { artifact: string; mediaType: string; bytes: number };

/** Attachments on their way out of an output: each leaves a place that gets its id once it is stored. */
const collectAttachments = (clean: (text: string) => string) => {
  const found: { readonly attachment: Attachment; readonly place: Kept }[] = [];
  let room = MAX_ARTIFACT;
  const leave = (given: Attachment): Json => {
    room -= given.bytes.length;
    if (found.length >= MAX_ATTACHMENTS || room < 0) {
      return `[attachment: more than ${MAX_ATTACHMENTS}, or more than ${MAX_ARTIFACT} bytes together; not kept]`;
    }
    const attachment = cleanAttachment(given, clean);
    const place: Kept = { artifact: '', mediaType: attachment.mediaType, bytes: attachment.bytes.length };
    found.push({ attachment, place });
    return place;
  };
  return { found, leave };
};

/** Says what is missing, and how to read on. */
const marker = (shown: number, whole: string, kept: Artifact | undefined): string => {
  const total = utf8Bytes(whole);
  const rest =
    kept === undefined
      ? 'the rest was not kept'
      : `the whole is the artifact ${kept.id}; read on with read_artifact {"id":"${kept.id}","offset":${shown}}`;
  const isPart = kept !== undefined && kept.bytes < total;
  return `\n[cut: ${shown} of ${total} bytes shown; ${rest}${isPart ? `, which holds the first ${kept.bytes} bytes` : ''}]`;
};

/** Stores the whole of an output that is too long, and gives its beginning with the marker. */
const cutOutput = async (json: Json, isPartial: boolean, { task, artifacts }: SanitizeRequest) => {
  const isText = typeof json === 'string';
  const whole = isText ? json : JSON.stringify(json);
  const stored = utf8Prefix(whole, MAX_ARTIFACT);
  // JSON that was cut is no JSON any more.
  const mediaType = isText || isPartial || stored.length < whole.length ? 'text/plain' : 'application/json';
  const artifact = await artifacts?.put(task, { bytes: Buffer.from(stored, 'utf8'), mediaType });
  const head = jsonPrefix(whole, SIZES.toolOutput - MARKER_ROOM);
  return { output: head + marker(utf8Bytes(head), whole, artifact), artifact };
};

/**
 * The stage `sanitize`: makes whatever a tool returned fit for transcript, history and model. JSON of at most
 * `SIZES.toolOutput` bytes (INVARIANT H1); hidden characters removed (INVARIANT T3); secrets redacted; attachments and the
 * whole of what had to be cut kept as artifacts, cleaned as well.
 * @throws ApplicationFailure `Store.Unavailable` when an artifact cannot be stored
 */
export const sanitizeOutput = async (request: SanitizeRequest): Promise<Sanitized> => {
  const { task, artifacts, secrets } = request;
  const clean = cleaner(secrets);
  const { found, leave } = collectAttachments(clean);
  const rules = { text: clean, attachment: leave, maxChars: MAX_ARTIFACT, maxAttachment: MAX_ARTIFACT };
  const { json, isPartial } = makeJson(request.output, rules);
  const kept: Artifact[] = [];
  for (const { attachment, place } of found) {
    const artifact = await artifacts?.put(task, attachment);
    place.artifact = artifact?.id ?? 'not kept';
    if (artifact !== undefined) kept.push(artifact);
  }
  if (jsonBytes(json) <= SIZES.toolOutput) return { output: json, artifacts: kept };
  const { output, artifact } = await cutOutput(json, isPartial, request);
  return { output, artifacts: artifact === undefined ? kept : [...kept, artifact] };
};
