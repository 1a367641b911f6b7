import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { SECRET_PATTERNS, type SecretPattern } from './secret-patterns.ts';

/** A text in which every secret has become `[redacted: kind]`. Linear in the text's length; never throws. */
export type Redact = (text: string) => string;

/** Shorter values stand in too many texts by chance. */
const MIN_SECRET = 6;

const KEY_BEGIN = /-----BEGIN [A-Z0-9 ]{0,64}PRIVATE KEY(?: BLOCK)?-----/g;
const KEY_END = /-----END [A-Z0-9 ]{0,64}PRIVATE KEY(?: BLOCK)?-----/g;
/** What a key that was cut off may consist of; line ends may be written out, as in JSON. */
const KEY_BODY = /(?:[A-Za-z0-9+/=\s]|\\[nr])*/y;
/** Longer keys there are none. */
const MAX_KEY = 64 * 1024;

/** Private key blocks. By hand: a pattern would look for the end of each beginning again. */
const redactKeys: Redact = (text) => {
  let clean = '';
  let done = 0;
  let end: { readonly at: number; readonly to: number } | undefined = { at: -1, to: -1 };
  for (const begin of text.matchAll(KEY_BEGIN)) {
    if (begin.index < done) continue;
    const from = begin.index + begin[0].length;
    if (end !== undefined && end.at < from) {
      KEY_END.lastIndex = from;
      const found = KEY_END.exec(text);
      end = found === null ? undefined : { at: found.index, to: KEY_END.lastIndex };
    }
    KEY_BODY.lastIndex = from;
    KEY_BODY.exec(text);
    const to: number = end !== undefined && end.at - from <= MAX_KEY ? end.to : KEY_BODY.lastIndex;
    clean += `${text.slice(done, begin.index)}[redacted: private key]`;
    done = to;
  }
  return clean + text.slice(done);
};

const escapeForPattern = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');

const KEYWORDS = new RegExp(
  ['private key', ...SECRET_PATTERNS.flatMap(({ keywords }) => keywords)].map(escapeForPattern).join('|'),
  'gi',
);

/** What a pattern's match becomes. */
const replacement =
  ({ kind, isSecret }: SecretPattern) =>
  (found: string, ...rest: readonly unknown[]): string => {
    if (isSecret !== undefined && !isSecret(found)) return found;
    // The groups come before the place, which is the first number.
    const [before = '', after = ''] = rest.slice(
      0,
      rest.findIndex((each) => typeof each === 'number'),
    );
    return `${String(before)}[redacted: ${kind}]${String(after)}`;
  };

const REPLACEMENTS = SECRET_PATTERNS.map((pattern) => ({ ...pattern, replace: replacement(pattern) }));

/** Redacts what looks like a secret by its shape. */
export const redactSecretShapes: Redact = (text) => {
  // One pass tells what there is to do; nearly always nothing.
  const present = new Set<string>();
  KEYWORDS.lastIndex = 0;
  for (let found = KEYWORDS.exec(text); found !== null; found = KEYWORDS.exec(text)) {
    present.add(found[0].toLowerCase());
    // Keywords may overlap, or begin with one another.
    KEYWORDS.lastIndex = found.index + 1;
    if (present.size > 8) break;
  }
  if (present.size === 0) return text;
  let clean = present.size > 8 || present.has('private key') ? redactKeys(text) : text;
  for (const { keywords, pattern, replace } of REPLACEMENTS) {
    if (present.size > 8 || keywords.some((keyword) => present.has(keyword))) clean = clean.replace(pattern, replace);
  }
  return clean;
};

const toBase64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes));

/**
 * A text's base64 at each of the three places where it may begin in a longer one: `user:secret` holds the secret too. Only
 * characters that depend on nothing but the secret.
 */
const base64Forms = (secret: string): string[] => {
  const bytes = utf8ToBytes(secret);
  return [0, 1, 2].flatMap((offset) => {
    const padded = new Uint8Array(offset + bytes.length);
    padded.set(bytes, offset);
    const from = Math.ceil((offset * 8) / 6);
    const to = Math.floor((padded.length * 8) / 6);
    const form = toBase64(padded).slice(from, to);
    return [form, form.replaceAll('+', '-').replaceAll('/', '_')];
  });
};

const percentForms = (secret: string): string[] => {
  const encoded = encodeURIComponent(secret);
  return [encoded, encoded.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()), encoded.replaceAll('%20', '+')];
};

/** The forms in which a known secret may stand in a text. */
const formsOf = (given: string): string[] => {
  const secret = given.trim().toWellFormed();
  if (secret.length < MIN_SECRET) return [];
  const hex = bytesToHex(utf8ToBytes(secret));
  const json = JSON.stringify(secret).slice(1, -1);
  return [secret, json, hex, hex.toUpperCase(), ...percentForms(secret), ...base64Forms(secret)];
};

/** Longer values are found by their beginning: a pattern has its bounds too. */
const MAX_FORM = 4_096;

const makeRedact = (secrets: readonly string[]): Redact => {
  const forms = [...new Set(secrets.flatMap(formsOf).map((form) => form.slice(0, MAX_FORM)))];
  if (forms.length === 0) return redactSecretShapes;
  // The longest first: a secret that begins with another one must not leave its rest behind.
  const known = new RegExp(
    forms
      .sort((a, b) => b.length - a.length)
      .map(escapeForPattern)
      .join('|'),
    'g',
  );
  return (text) => redactSecretShapes(text.replace(known, '[redacted: known secret]'));
};

const made = new WeakMap<readonly string[], Redact>();

/**
 * A redaction that knows secrets by value (as they are, in base64, hexadecimal, URL and JSON encoding) and by shape. Hand in
 * credentials only: each value is redacted wherever it stands. Values under 6 characters are ignored. Made once for a list.
 */
export const redactorFor = (secrets: readonly string[]): Redact => {
  const known = made.get(secrets) ?? makeRedact(secrets);
  made.set(secrets, known);
  return known;
};

const SECRET_NAME = /key|token|secret|passw|pwd|credential|auth|private|dsn|cert|signature|cookie/i;

/**
 * The values of an environment that are secrets by their name: `API_KEY`, `DB_PASSWORD`. Others (`NODE_ENV`) stand in many
 * outputs and are none; passwords in their URLs are found by shape.
 */
export const secretValues = (env: Readonly<Record<string, string | undefined>>): string[] =>
  Object.entries(env).flatMap(([name, value]) => (value !== undefined && SECRET_NAME.test(name) ? [value] : []));
