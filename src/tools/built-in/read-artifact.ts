import { z } from 'zod';
import { jsonBytes, utf8Bytes } from '../../domain/json.ts';
import { SIZES } from '../../domain/sizes.ts';
import type { Artifacts } from '../../gateway/ports.ts';
import { defineTool } from '../define-tool.ts';
import type { Tool } from '../tool.ts';

const DEFAULT_PAGE = 16 * 1024;
/** What stands around the text of a page. */
const FRAME = 1_024;

const Request = z.object({
  id: z.string().regex(/^a-[0-9a-f]{24}$/, 'expected the id of an artifact, a- and 24 digits'),
  offset: z.int().min(0).optional().describe('Where to begin, in bytes; 0 by default'),
  limit: z.int().min(1).max(SIZES.toolOutput).optional().describe('Bytes to read at most; 16384 by default'),
});

/** One page of an artifact. */
type Page = {
  readonly id: string;
  readonly mediaType: string;
  /** Of the whole. */
  readonly bytes: number;
  readonly offset: number;
  /** Where the next page begins; absent: this was the last one. */
  readonly next?: number;
  /** Absent for what is no text. */
  readonly text?: string;
  readonly note?: string;
};

const isContinuation = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x80 && byte < 0xc0;

/** A page's text: whole characters, and short enough for a result whatever JSON makes of it. */
const pageText = (bytes: Uint8Array, from: number, limit: number): string => {
  let to = Math.min(bytes.length, from + limit);
  // A character is taken whole, also where it is longer than the limit.
  while (to < bytes.length && isContinuation(bytes[to])) to += 1;
  let text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(from, to));
  while (jsonBytes(text) > SIZES.toolOutput - FRAME) {
    const half = Math.floor(text.length / 2);
    const code = text.charCodeAt(half - 1);
    text = text.slice(0, code >= 0xd800 && code <= 0xdbff ? half - 1 : half);
  }
  return text;
};

const isText = (bytes: Uint8Array): boolean => {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return !bytes.includes(0);
  } catch {
    return false;
  }
};

const pageOf = (
  id: string,
  { mediaType, bytes }: { mediaType: string; bytes: Uint8Array },
  at: { offset: number; limit: number },
): Page => {
  let from = Math.min(at.offset, bytes.length);
  while (isContinuation(bytes[from])) from += 1;
  const base = { id, mediaType, bytes: bytes.length, offset: from };
  if (!isText(bytes)) return { ...base, note: 'not text; it cannot be read here' };
  const text = pageText(bytes, from, at.limit);
  const next = from + utf8Bytes(text);
  return next < bytes.length ? { ...base, next, text } : { ...base, text };
};

/**
 * Pages through an artifact of the task: the whole of an output that was cut. Every agent has it, as it has `ask_human`. What
 * it gives is untrusted: an artifact does not say who wrote it.
 */
export const readArtifact = (artifacts: Pick<Artifacts, 'get'>): Tool => ({
  ...defineTool({
    name: 'read_artifact',
    description:
      'Read on in an artifact: the whole of a tool output that was cut. Gives the text from offset on; go on at next.',
    effect: 'read',
    input: Request,
    openWorld: true,
    execute: async ({ id, offset = 0, limit = DEFAULT_PAGE }, { taskId, epoch }) => {
      // INVARIANT H1: by the task's own life; no other one can be named.
      const found = epoch === undefined ? undefined : await artifacts.get({ taskId, epoch }, id);
      if (found === undefined) throw new Error(`this task has no artifact ${id}`);
      return pageOf(id, { mediaType: found.artifact.mediaType, bytes: found.bytes }, { offset, limit });
    },
  }),
  isFree: true,
});
