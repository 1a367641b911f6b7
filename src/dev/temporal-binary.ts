import { access, constants } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import envPaths from 'env-paths';
import type { OnProgress } from './progress.ts';
import { type Attempt, reasonOf, StackError } from './stack-error.ts';
import { buildCli } from './temporal-build.ts';
import { type CliSearch, readCliVersion, TEMPORAL_CLI_FILE, TEMPORAL_CLI_VERSION } from './temporal-cli.ts';
import { downloadCli, officialDownloadUrl } from './temporal-download.ts';

/** A Temporal CLI that runs; `version` is what it says of itself, its server's version included. */
export type TemporalBinary = {
  readonly path: string;
  readonly version: string;
  readonly source: 'path' | 'cache' | 'download' | 'build';
};

/** Where to look for the Temporal CLI and whom to tell. */
export type FindTemporalOptions = {
  readonly onProgress?: OnProgress;
  /** Cancels everything, a running build included. */
  readonly signal?: AbortSignal | undefined;
  /** Default: the user's cache folder for `holdfast`. */
  readonly cacheDir?: string | undefined;
  /** Default: the environment of this process. */
  readonly env?: NodeJS.ProcessEnv;
  /** Default: the official archive for this system. */
  readonly downloadUrl?: string;
};

type Source = {
  readonly source: TemporalBinary['source'];
  readonly what: (search: CliSearch) => string;
  readonly find: (search: CliSearch) => Promise<string>;
};

const cachedPath = ({ cacheDir }: CliSearch): string =>
  join(cacheDir, `temporal-cli-${TEMPORAL_CLI_VERSION}`, TEMPORAL_CLI_FILE);

const isExecutable = async (path: string): Promise<boolean> =>
  await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );

const findOnPath = async ({ env }: CliSearch): Promise<string> => {
  const folders = (env['PATH'] ?? env['Path'] ?? '').split(delimiter).filter((folder) => isAbsolute(folder));
  for (const folder of folders) {
    const path = join(folder, TEMPORAL_CLI_FILE);
    if (await isExecutable(path)) return path;
  }
  throw new Error('not there');
};

const findCached = async (search: CliSearch): Promise<string> => {
  const path = cachedPath(search);
  if (!(await isExecutable(path))) throw new Error('not there');
  return path;
};

const SOURCES: readonly Source[] = [
  { source: 'path', what: () => '`temporal` on PATH', find: findOnPath },
  { source: 'cache', what: (search) => `cache ${cachedPath(search)}`, find: findCached },
  {
    source: 'download',
    what: (search) => `download ${search.downloadUrl}`,
    find: async (search) => await downloadCli(search, cachedPath(search)),
  },
  {
    source: 'build',
    what: () => `build of the CLI's Go module ${TEMPORAL_CLI_VERSION}`,
    find: async (search) => await buildCli(search, cachedPath(search)),
  },
];

const nothingFound = (attempts: readonly Attempt[]): StackError =>
  new StackError(
    [
      'No Temporal server to run. Tried, in this order:',
      ...attempts.map(({ what, reason }) => `  - ${what}: ${reason}`),
      'Do one of these, then start again:',
      '  - install the Temporal CLI so that `temporal` is on PATH (https://docs.temporal.io/cli)',
      '  - use a Temporal that runs elsewhere: give its address with --address or TEMPORAL_ADDRESS',
      '  - install Go (https://go.dev/dl), and the CLI is built once',
    ].join('\n'),
    { attempts },
  );

/**
 * Finds a Temporal CLI that runs, or gets one: PATH, cache, official download, build with Go. What was got stays in the
 * cache, so that only the first call takes long.
 * @throws StackError with every attempt when there is none; the signal's reason when aborted
 */
export const findTemporalBinary = async (options: FindTemporalOptions = {}): Promise<TemporalBinary> => {
  const search: CliSearch = {
    onProgress: options.onProgress ?? (() => undefined),
    signal: options.signal,
    env: options.env ?? process.env,
    cacheDir: options.cacheDir ?? envPaths('holdfast', { suffix: '' }).cache,
    downloadUrl: options.downloadUrl ?? officialDownloadUrl(),
  };
  const attempts: Attempt[] = [];
  for (const { source, what, find } of SOURCES) {
    try {
      const path = await find(search);
      return { path, version: await readCliVersion(path, search), source };
    } catch (error) {
      search.signal?.throwIfAborted();
      attempts.push({ what: what(search), reason: reasonOf(error) });
    }
  }
  throw nothingFound(attempts);
};
