import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import canonicalize from 'canonicalize';
import { isRecord } from './json.ts';

/** `sha256:` and 64 hexadecimal digits. */
export type Digest = `sha256:${string}`;

/** A copy in which every text is well-formed Unicode. */
const wellFormed = (value: unknown): unknown => {
  if (typeof value === 'string') return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormed);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key.toWellFormed(), wellFormed(inner)]));
};

/**
 * The one canonical form (RFC 8785) that digests, displays and comparisons of arguments share (INVARIANT T3).
 * RFC 8785 has no form for lone surrogates, and a model may send one: they count as U+FFFD, so that a digest in the
 * workflow never throws.
 * @throws Error on what JSON cannot hold: circular references, NaN
 */
export const canonicalJson = (value: unknown): string => {
  const text = JSON.stringify(value) ?? 'null';
  return canonicalize(LONE_SURROGATE.test(text) ? wellFormed(value) : value) ?? 'null';
};

/** `JSON.stringify` writes a lone surrogate as its escape. */
const LONE_SURROGATE = /\\ud[89a-f][0-9a-f]{2}/i;

/** SHA-256 of a text in UTF-8. Pure code: the workflow sandbox has no `crypto`. */
export const digestText = (text: string): Digest => `sha256:${bytesToHex(sha256(utf8ToBytes(text)))}`;

/** Digest of a value's canonical JSON. */
export const digestJson = (value: unknown): Digest => digestText(canonicalJson(value));

/** The first `length` hexadecimal digits, for people to compare by eye. */
export const shortDigest = (digest: string, length = 4): string => digest.replace('sha256:', '').slice(0, length);
