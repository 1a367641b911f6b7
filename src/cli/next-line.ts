import { join, resolve } from 'node:path';
import { devFolderPath } from '../dev/dev-folder.ts';
import { shellWord } from './text.ts';

/** Where a stack runs, and what it was told. */
export type Started = {
  /** As `--data` names it. */
  readonly data: string | undefined;
  readonly cwd: string;
  /** It has a worker. */
  readonly isServed: boolean;
};

/**
 * What to do next with a stack that is ready. Other commands find it by the folder that they run in; one that keeps its state
 * elsewhere has to be named, and the command runs as it is printed.
 */
export const nextLine = (
  { temporal, namespace }: { readonly temporal: string; readonly namespace: string },
  { data, cwd, isServed }: Started,
): string => {
  const command = isServed ? "holdfast run AGENT 'GOAL'" : 'holdfast worker';
  const dir = resolve(cwd, devFolderPath(cwd, data));
  if (dir === resolve(devFolderPath(cwd))) return `${command}   in this folder, in another terminal`;
  const at = `--address ${shellWord(temporal)}${namespace === 'default' ? '' : ` --namespace ${shellWord(namespace)}`}`;
  // The password stands in the file alone.
  const file = shellWord(join(dir, 'dev.json'));
  const store = isServed ? '' : `HOLDFAST_STORE_URL="$(node -p 'require(process.argv[1]).store' ${file})" `;
  return `${store}${command} ${at}   in another terminal`;
};
