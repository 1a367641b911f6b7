import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { walkTo } from './file-folder.ts';
import { TEMPORARY } from './file-path.ts';

/** One entry of a folder. Links are shown and not followed. */
export type FileEntry = {
  readonly name: string;
  readonly kind: 'file' | 'folder' | 'link' | 'other';
  readonly bytes?: number;
};

const PAGE = 200;

const kindOf = (found: { isFile(): boolean; isDirectory(): boolean; isSymbolicLink(): boolean }): FileEntry['kind'] => {
  if (found.isFile()) return 'file';
  if (found.isDirectory()) return 'folder';
  return found.isSymbolicLink() ? 'link' : 'other';
};

/** A page of a folder's entries in the order of their names. */
export const listFolder = async (
  root: string,
  names: readonly string[],
  offset: number,
): Promise<{ readonly entries: FileEntry[]; readonly total: number; readonly next?: number }> => {
  const folder = await walkTo(root, names, { create: false });
  try {
    const all = (await readdir(folder.at, { withFileTypes: true }))
      .filter(({ name }) => !TEMPORARY.test(name))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    const entries: FileEntry[] = [];
    for (const found of all.slice(offset, offset + PAGE)) {
      const kind = kindOf(found);
      const size =
        kind === 'file' ? (await lstat(join(folder.at, found.name)).catch(() => undefined))?.size : undefined;
      entries.push({ name: found.name, kind, ...(size === undefined ? {} : { bytes: size }) });
    }
    const next = offset + entries.length;
    return { entries, total: all.length, ...(next < all.length ? { next } : {}) };
  } finally {
    await folder.close();
  }
};
