import { createHash } from 'node:crypto';
import { isRecord, type Json } from '../../domain/json.ts';
import { type Place, readWhole, removeFile, writeWhole } from './file-content.ts';

/** The largest content that is kept for an undo, bytes. */
export const MAX_BEFORE_IMAGE = 256 * 1024;

/**
 * What a file held before an effect; null: there was none. With it stands what the effect leaves behind, so that the undo can
 * tell whether somebody has changed the file since.
 */
export type BeforeImage = { readonly before: string | null; readonly after: string | null };

const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Takes the before-image of a file. `after`: what it will hold; undefined: nothing, it is removed. */
export const takeBeforeImage = async (
  place: Place,
  after: Uint8Array | undefined,
  maxBytes: number,
): Promise<BeforeImage> => {
  const before = await readWhole(place, maxBytes);
  return { before: before?.toString('base64') ?? null, after: after === undefined ? null : digestOf(after) };
};

const parseImage = (snapshot: unknown): BeforeImage => {
  const { before, after } = (isRecord(snapshot) ? snapshot : {}) as { before?: unknown; after?: unknown };
  const isText = (value: unknown): value is string | null => value === null || typeof value === 'string';
  if (!isText(before) || !isText(after)) throw new Error('there is no before-image, so nothing can be put back');
  return { before, after };
};

/** Content as people read it: text as text, anything else by its size. Null: there is no file. */
const shown = (before: string | null): string | null => {
  if (before === null) return null;
  const bytes = Buffer.from(before, 'base64');
  try {
    if (!bytes.includes(0)) return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    // It is no text.
  }
  return `(no text: ${bytes.length} bytes, SHA-256 ${digestOf(bytes).slice(0, 16)}…)\n`;
};

/** A before-image and what becomes of the file, both as they are to be shown. `after`: undefined where it is removed. */
export const previewChange = (snapshot: unknown, after: string | undefined): Json => ({
  $diff: { before: shown(parseImage(snapshot).before), after: after ?? null },
});

/**
 * Puts a file back. Called again after it was put back, it does nothing.
 * @throws Error when the file holds something else than the effect left: somebody has changed it since
 */
export const putBack = async (
  place: Place,
  snapshot: unknown,
  how: { readonly key: string; readonly attempt: number },
): Promise<{ readonly restored: boolean }> => {
  const { before, after } = parseImage(snapshot);
  const old = before === null ? undefined : Buffer.from(before, 'base64');
  const now = await readWhole(place, MAX_BEFORE_IMAGE);
  const nowDigest = now === undefined ? null : digestOf(now);
  if (nowDigest === (old === undefined ? null : digestOf(old))) return { restored: false };
  if (nowDigest !== after) throw new Error('it was changed since, so putting it back would lose that change');
  if (old === undefined) await removeFile(place);
  else await writeWhole(place, old, how);
  return { restored: true };
};
