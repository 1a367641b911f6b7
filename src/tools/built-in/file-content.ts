import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, rename, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ToolError } from '../../gateway/tool-error.ts';
import { type Folder, hasCode, inFolderOf } from './file-folder.ts';

/** A file in the root. */
export type Place = { readonly root: string; readonly names: readonly string[] };

// Not blocking: opening a pipe would wait for its other end.
const READ_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
const CREATE_FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);

const refuseLink = async (path: string): Promise<void> => {
  // Where the system knows no O_NOFOLLOW.
  if (constants.O_NOFOLLOW === undefined && (await lstat(path)).isSymbolicLink()) throw new Error('it is a link');
};

const openFile = async (folder: Folder, name: string): Promise<FileHandle> => {
  const path = join(folder.at, name);
  await refuseLink(path);
  const handle = await open(path, READ_FLAGS);
  const found = await handle.stat();
  if (found.isFile()) return handle;
  await handle.close();
  throw new Error(found.isDirectory() ? 'it is a folder' : 'it is no regular file');
};

const REFUSALS: Readonly<Record<string, string>> = {
  ENOENT: 'is not there',
  ELOOP: 'is a link, and links are not followed',
  ENOTDIR: 'leads through a link or a file, and those are not followed',
  EACCES: 'may not be touched',
  EPERM: 'may not be touched',
};

/** What the model is told instead of a system's error, which names paths outside of the root. */
export const plainError = (error: unknown, path: string): ToolError => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  const refusal = code === undefined ? (error instanceof Error ? error.message : String(error)) : REFUSALS[code];
  const message = `${JSON.stringify(path)}: ${refusal ?? code}`;
  // A disk that is full or broken may be so after the last step as well, and may be mended.
  return refusal === undefined
    ? new ToolError(message, { kind: 'transient' })
    : new ToolError(message, { kind: 'permanent', nothingHappened: true });
};

/** Reads bytes of a file from `offset` on. @throws Error where it is no regular file, or is reached through a link */
export const readBytes = async (
  place: Place,
  { offset, limit }: { readonly offset: number; readonly limit: number },
): Promise<{ readonly bytes: Buffer; readonly total: number }> =>
  await inFolderOf(place, async (folder, name) => {
    const handle = await openFile(folder, name);
    try {
      const { size } = await handle.stat();
      const wanted = Math.max(0, Math.min(limit, size - offset));
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(wanted), 0, wanted, offset);
      return { bytes: buffer.subarray(0, bytesRead), total: size };
    } finally {
      await handle.close();
    }
  });

/** A file's whole content; undefined where there is none. @throws Error where it has more than `maxBytes` */
export const readWhole = async (place: Place, maxBytes: number): Promise<Buffer | undefined> => {
  try {
    const { bytes, total } = await readBytes(place, { offset: 0, limit: maxBytes + 1 });
    if (total > maxBytes)
      throw new Error(`it has ${total} bytes; more than ${maxBytes} cannot be put back, so it is left alone`);
    return bytes;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
};

const temporaryName = (key: string, attempt: number): string =>
  `.holdfast-${createHash('sha256').update(key).digest('hex').slice(0, 16)}-${attempt}.tmp`;

const modeOf = async (path: string): Promise<number> => {
  try {
    const found = await lstat(path);
    if (found.isDirectory()) throw new Error('it is a folder');
    if (!found.isFile()) throw new Error('it is a link or no regular file');
    return found.mode & 0o777;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return 0o644;
    throw error;
  }
};

const fill = async (path: string, bytes: Uint8Array, mode: number): Promise<void> => {
  const handle = await open(path, CREATE_FLAGS, mode);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
};

/**
 * Writes a file in one go: a reader, or a crash, meets the old content or the new one. Folders on the way are made. What
 * earlier attempts of the same key left is taken away, so that a late one of them fails.
 */
export const writeWhole = async (
  place: Place,
  bytes: Uint8Array,
  { key, attempt }: { readonly key: string; readonly attempt: number },
): Promise<void> =>
  await inFolderOf({ ...place, create: true }, async (folder, name) => {
    const target = join(folder.at, name);
    const mode = await modeOf(target);
    for (let n = Math.max(1, attempt - 20); n <= attempt; n++)
      await rm(join(folder.at, temporaryName(key, n)), { force: true });
    const temporary = join(folder.at, temporaryName(key, attempt));
    try {
      await fill(temporary, bytes, mode);
      await rename(temporary, target);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    await folder.sync();
  });

/** Removes a file. @returns false where there was none. @throws Error for a folder or a link */
export const removeFile = async (place: Place): Promise<boolean> => {
  try {
    return await inFolderOf(place, async (folder, name) => {
      const path = join(folder.at, name);
      if (!(await lstat(path)).isFile()) throw new Error('it is no regular file');
      await unlink(path);
      await folder.sync();
      return true;
    });
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
};
