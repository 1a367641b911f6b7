import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, realpath } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * A folder that is held open. Files in it are named through `at`: on Linux by the open folder itself, so that nobody can put a link in
 * its place in between; elsewhere by its path, whose every part was opened without following links.
 */
export type Folder = { readonly at: string; readonly close: () => Promise<void>; readonly sync: () => Promise<void> };

const FOLDER_FLAGS = constants.O_RDONLY | (constants.O_DIRECTORY ?? 0) | (constants.O_NOFOLLOW ?? 0);

/** Whether an error has one of these codes. */
export const hasCode = (error: unknown, ...codes: readonly string[]): boolean =>
  error instanceof Error && 'code' in error && codes.includes(String(error.code));

const heldOpen = (handle: FileHandle, path: string): Folder => ({
  at: process.platform === 'linux' ? `/proc/self/fd/${handle.fd}` : path,
  close: async () => await handle.close(),
  sync: async () => await handle.sync(),
});

/** Windows opens no folders; what is checked there is checked before. */
const byPath = async (path: string): Promise<Folder> => {
  const found = await lstat(path);
  if (!found.isDirectory()) throw Object.assign(new Error('not a folder'), { code: 'ENOTDIR' });
  return { at: path, close: () => Promise.resolve(), sync: () => Promise.resolve() };
};

const openFolder = async (path: string): Promise<Folder> =>
  process.platform === 'win32' ? await byPath(path) : heldOpen(await open(path, FOLDER_FLAGS), path);

/** What to do where a folder on the way is not there. */
export type OnMissing = { readonly create: boolean };

const openChild = async (folder: Folder, name: string, { create }: OnMissing): Promise<Folder> => {
  const path = join(folder.at, name);
  try {
    return await openFolder(path);
  } catch (error) {
    if (!create || !hasCode(error, 'ENOENT')) throw error;
    await mkdir(path).catch((cause: unknown) => {
      // Another call made it meanwhile; if it is a link, opening it fails.
      if (!hasCode(cause, 'EEXIST')) throw cause;
    });
    return await openFolder(path);
  }
};

/**
 * Opens the folder that names lead to, one after the other from the root, following no link. The caller closes it.
 * @throws Error with `ENOENT` where one is missing, `ELOOP` or `ENOTDIR` where one is a link or a file
 */
export const walkTo = async (root: string, names: readonly string[], missing: OnMissing): Promise<Folder> => {
  let folder = await openFolder(await realpath(root));
  for (const name of names) {
    const parent = folder;
    try {
      folder = await openChild(parent, name, missing);
    } finally {
      await parent.close();
    }
  }
  return folder;
};

/** Runs something in the folder of a file; `name` is the file's own. */
export const inFolderOf = async <Made>(
  {
    root,
    names,
    create = false,
  }: { readonly root: string; readonly names: readonly string[]; readonly create?: boolean },
  run: (folder: Folder, name: string) => Promise<Made>,
): Promise<Made> => {
  const name = names.at(-1);
  if (name === undefined) throw new Error('the path names the folder itself, not a file in it');
  const folder = await walkTo(root, names.slice(0, -1), { create });
  try {
    return await run(folder, name);
  } finally {
    await folder.close();
  }
};
