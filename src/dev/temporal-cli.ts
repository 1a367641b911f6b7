import type { OnProgress } from './progress.ts';
import { runCommand } from './run-command.ts';

/** The version of the Temporal CLI that is downloaded or built; 1.6 and later cannot be built from their Go module. */
export const TEMPORAL_CLI_VERSION = '1.5.1';

/** What the program is called in a folder or an archive. */
export const TEMPORAL_CLI_FILE = process.platform === 'win32' ? 'temporal.exe' : 'temporal';

/** Where a way to get the CLI puts it, and what it may use. */
export type CliSearch = {
  readonly onProgress: OnProgress;
  readonly signal: AbortSignal | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly cacheDir: string;
  readonly downloadUrl: string;
};

/**
 * The version of a Temporal CLI, as it tells it itself.
 * @throws Error when the file does not run or is something else
 */
export const readCliVersion = async (path: string, search: Pick<CliSearch, 'env' | 'signal'>): Promise<string> => {
  const output = await runCommand(path, { args: ['--version'], ...search, timeoutMs: 10_000 });
  const version = /^temporal version (.+)$/m.exec(output)?.[1];
  if (version === undefined) throw new Error(`${path} is not the Temporal CLI: it says ${output.trim().slice(0, 200)}`);
  return version.trim();
};
