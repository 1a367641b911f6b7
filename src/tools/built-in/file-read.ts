import { utf8Bytes } from '../../domain/json.ts';
import { type Place, readBytes } from './file-content.ts';

/** Bytes of a page at most; JSON may double them. */
export const MAX_PAGE = 15 * 1024;
/** A file that is no text is handed over whole, as an attachment, up to this size. */
const MAX_BINARY = 4 * 1024 * 1024;

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  pdf: 'application/pdf',
};

const mediaTypeOf = (names: readonly string[]): string =>
  MEDIA_TYPES[/\.([a-z]+)$/i.exec(names.at(-1) ?? '')?.[1]?.toLowerCase() ?? ''] ?? 'application/octet-stream';

/** Whole characters of a page, from the first one that begins in it; undefined: it is no text. */
const textOf = (bytes: Buffer, isLast: boolean): { readonly text: string; readonly skipped: number } | undefined => {
  let skipped = 0;
  while (skipped < 3 && ((bytes[skipped] ?? 0) & 0xc0) === 0x80) skipped += 1;
  if (bytes.includes(0)) return undefined;
  try {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    return { text: decoder.decode(bytes.subarray(skipped), { stream: !isLast }), skipped };
  } catch {
    return undefined;
  }
};

/** What `read` gives: a page of text, or the whole of what is no text. */
export type FileRead = {
  readonly path: string;
  readonly bytes: number;
  readonly offset?: number;
  readonly next?: number;
  readonly text?: string;
  readonly content?: unknown;
};

/** Reads a page of a file. @throws Error for what is no text and over 4 MB */
export const readPage = async (place: Place, offset: number, limit: number): Promise<FileRead> => {
  const path = place.names.join('/');
  // A character is taken whole, also where it is longer than the limit.
  const { bytes, total } = await readBytes(place, { offset, limit: Math.max(4, limit) });
  const read = textOf(bytes, offset + bytes.length >= total);
  if (read !== undefined) {
    const from = offset + read.skipped;
    const next = from + utf8Bytes(read.text);
    return { path, bytes: total, offset: from, text: read.text, ...(next < total && next > offset ? { next } : {}) };
  }
  if (total > MAX_BINARY)
    throw new Error(`it is no text, and has ${total} bytes; more than ${MAX_BINARY} cannot be read`);
  const whole = await readBytes(place, { offset: 0, limit: total });
  const content = { $attachment: { mediaType: mediaTypeOf(place.names), base64: whole.bytes.toString('base64') } };
  return { path, bytes: total, content };
};
