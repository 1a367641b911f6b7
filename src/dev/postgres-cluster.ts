import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PostgresBinaries } from './postgres-binaries.ts';
import { explainPostgresFailure } from './postgres-failure.ts';
import type { PostgresUser } from './postgres-user.ts';
import { runCommand } from './run-command.ts';
import { codeOf, reasonOf, StackError } from './stack-error.ts';

/** The superuser, and the database of the control store. */
export const STORE_NAME = 'holdfast';

/** A folder with a database cluster and its password. */
export type Cluster = { readonly folder: string; readonly data: string; readonly password: string };

/** What making a cluster takes. */
export type ClusterOptions = {
  readonly folder: string;
  readonly binaries: PostgresBinaries;
  readonly user: PostgresUser;
  readonly env: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal | undefined;
};

const INIT_MS = 60_000;

const isMissing = (error: unknown): boolean => codeOf(error) === 'ENOENT';

const readOrNull = async (path: string): Promise<string | null> =>
  await readFile(path, 'utf8').then(
    (text) => text.trim(),
    (error: unknown) => {
      if (isMissing(error)) return null;
      throw new StackError(`${path} cannot be read: ${reasonOf(error)}. Was it made by another user?`, {
        cause: error,
      });
    },
  );

const giveTo = async (path: string, { owner }: PostgresUser): Promise<void> => {
  if (owner !== null) await chown(path, owner.uid, owner.gid);
};

const createPassword = async (path: string, user: PostgresUser): Promise<string> => {
  const password = randomBytes(24).toString('base64url');
  await rm(path, { force: true });
  await writeFile(path, password, { mode: 0o600, flag: 'wx' });
  await giveTo(path, user);
  return password;
};

/** What starts left that were killed while they made a cluster. */
const removeUnfinished = async (folder: string): Promise<void> => {
  for (const name of await readdir(folder))
    if (name.endsWith('.new')) await rm(join(folder, name), { recursive: true, force: true, maxRetries: 5 });
};

/** Into a folder of another name first: one that is half made must not be taken for a cluster. */
const createCluster = async ({ folder, binaries, user, env, signal }: ClusterOptions): Promise<Cluster> => {
  const data = join(folder, 'data');
  const unfinished = `${data}-${process.pid}.new`;
  const passwordFile = join(folder, 'password');
  await removeUnfinished(folder);
  const password = await createPassword(passwordFile, user);
  const flags = [
    // INVARIANT U3: nobody comes in without the password, whatever the door.
    '--auth=scram-sha-256',
    `--pwfile=${passwordFile}`,
    `--username=${STORE_NAME}`,
    '--encoding=UTF8',
    '--locale=C',
    '--no-sync',
    '--no-instructions',
  ];
  const { command, ...run } = user.wrap(binaries.initdb, ['-D', unfinished, ...flags]);
  try {
    await runCommand(command, { ...run, env, cwd: folder, signal, timeoutMs: INIT_MS });
  } catch (error) {
    signal?.throwIfAborted();
    throw explainPostgresFailure({ what: 'cannot be set up', output: reasonOf(error), folder });
  }
  await rename(unfinished, data);
  return { folder, data, password };
};

const openFolder = async (folder: string, user: PostgresUser): Promise<void> => {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await chmod(folder, 0o700);
    await giveTo(folder, user);
  } catch (error) {
    throw new StackError(
      `The folder ${folder} cannot be made or belongs to another user: ${reasonOf(error)}. Choose another with --data.`,
      { cause: error },
    );
  }
};

/**
 * The cluster of a folder, made when there is none.
 * @throws StackError when it is of another major version, belongs to another user, or cannot be made
 */
export const openCluster = async (options: ClusterOptions): Promise<Cluster> => {
  const { folder, binaries, user } = options;
  await openFolder(folder, user);
  const data = join(folder, 'data');
  const major = await readOrNull(join(data, 'PG_VERSION'));
  if (major === null) return await createCluster(options);
  if (major !== binaries.major)
    throw new StackError(
      `${folder} holds a control store of PostgreSQL ${major}; this version of Holdfast brings PostgreSQL ${binaries.major}. ` +
        `Move or delete that folder (ledger and audit go with it), choose another with --data, or serve it with a PostgreSQL ${major} of your own and set HOLDFAST_STORE_URL.`,
    );
  const password = await readOrNull(join(folder, 'password'));
  if (password === null || password === '')
    throw new StackError(
      `${folder} has lost its file "password", without which nobody gets into the control store. Put it back, or move or delete that folder (ledger and audit go with it).`,
    );
  return { folder, data, password };
};
