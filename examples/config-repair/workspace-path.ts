import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, sep } from 'node:path';

/** A place in the working folder. */
export type Place = {
  /** Where it really is, links followed. */
  readonly absolute: string;
  /** Seen from the working folder, links followed, with `/`. */
  readonly path: string;
};

const isInside = (root: string, absolute: string): boolean => {
  const path = relative(root, absolute);
  return path === '' || (path !== '..' && !path.startsWith(`..${sep}`) && !isAbsolute(path));
};

const exists = async (path: string): Promise<boolean> =>
  await lstat(path).then(
    () => true,
    () => false,
  );

/** Follows links as far as there are files. A link that leads nowhere throws: writing to it would make a file over there. */
const follow = async (path: string): Promise<string> =>
  (await exists(path)) ? await realpath(path) : join(await follow(dirname(path)), basename(path));

/**
 * Finds a place in the working folder, for a path that somebody else wrote.
 * @throws Error when it is absolute, leads out of the folder (links included) or names a hidden file
 */
export const findPlace = async (root: string, path: string): Promise<Place> => {
  const refuse = (why: string): Error =>
    new Error(
      `${JSON.stringify(path)} ${why}; give a path inside the working folder, such as config/prod/checkout.yaml`,
    );
  if (path.includes('\0') || path.includes('\\')) throw refuse('is no path here');
  if (isAbsolute(path)) throw refuse('is absolute');
  const home = await realpath(root);
  if (!isInside(home, join(home, path))) throw refuse('leads out of the working folder');
  const absolute = await follow(join(home, path)).catch(() => {
    throw refuse('is a link that leads nowhere');
  });
  if (!isInside(home, absolute)) throw refuse('is a link that leads out of the working folder');
  const inside = relative(home, absolute).split(sep);
  // The ledger of effects and half-written files have such names: they are not the agent's to see or to change.
  if (inside.some((part) => part.startsWith('.'))) throw refuse('names a hidden file');
  return { absolute, path: inside.join('/') };
};
