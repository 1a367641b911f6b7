import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { StackError } from './stack-error.ts';

const run = promisify(execFile);

/** A user of the system, by number. */
export type SystemUser = { readonly uid: number; readonly gid: number };

/** As whom PostgreSQL runs, and how it gets there. */
export type PostgresUser = {
  /** Owns the data folder; null: the user of this process. */
  readonly owner: SystemUser | null;
  /** The command line for a program of PostgreSQL. */
  readonly wrap: (command: string, args: readonly string[]) => Wrapped;
};

/** A command line, and the user to spawn it as. */
export type Wrapped = { readonly command: string; readonly args: readonly string[]; readonly user?: SystemUser };

const SELF: PostgresUser = { owner: null, wrap: (command, args) => ({ command, args }) };

const CANDIDATES = ['postgres', '_postgres', 'nobody'];

const findUser = async (name: string): Promise<SystemUser | null> => {
  try {
    const [uid, gid] = await Promise.all(
      ['-u', '-g'].map(async (flag) => Number((await run('id', [flag, name])).stdout)),
    );
    return uid === undefined || gid === undefined ? null : { uid, gid };
  } catch {
    return null;
  }
};

const ownerOf = async (folder: string): Promise<SystemUser | null> => {
  const found = await stat(folder).catch(() => null);
  return found === null || found.uid === 0 ? null : { uid: found.uid, gid: found.gid };
};

const chooseUser = async (folder: string): Promise<SystemUser> => {
  const owner = await ownerOf(folder);
  if (owner !== null) return owner;
  for (const name of CANDIDATES) {
    const user = await findUser(name);
    if (user !== null) return user;
  }
  throw new StackError(
    `PostgreSQL refuses to run as root, and there is no user ${CANDIDATES.join(' or ')} to run it as. ` +
      'Run as another user, or name a server of your own with HOLDFAST_STORE_URL.',
  );
};

/**
 * Becomes the user and keeps one right of root's: to pass folders that are closed to others, such as root's home, where
 * project and packages may lie.
 */
const setpriv = ({ uid, gid }: SystemUser): string[] => {
  const rights = ['inh-caps', 'ambient-caps', 'bounding-set'].map((set) => `--${set}=-all,+dac_override`);
  return [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--no-new-privs', ...rights, '--'];
};

/**
 * As whom PostgreSQL runs on this data folder. It refuses to run as root: then it is the folder's owner, else the
 * system's user for it, else `nobody`.
 * @throws StackError when this is root and there is no such user
 */
export const findPostgresUser = async (folder: string): Promise<PostgresUser> => {
  if (process.getuid?.() !== 0) return SELF;
  const owner = await chooseUser(folder);
  const flags = setpriv(owner);
  const canPass = await run('setpriv', [...flags, 'true']).then(
    () => true,
    () => false,
  );
  return {
    owner,
    wrap: (command, args) =>
      canPass ? { command: 'setpriv', args: [...flags, command, ...args] } : { command, args, user: owner },
  };
};
