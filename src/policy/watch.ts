import { fingerprint, type PolicyFiles } from './policy-files.ts';

/** How often files are looked at. */
const INTERVAL_MS = 500;

/**
 * Calls `changed` when files were added, removed or written, and have looked the same twice: a half-written file may be
 * valid, with the last rules missing. Looking beats listening here: it also works on network disks and in containers.
 * @returns what stops it
 */
export const watchFiles = async (
  files: PolicyFiles,
  changed: () => Promise<void>,
  intervalMs: number = INTERVAL_MS,
): Promise<() => void> => {
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;
  let [loaded, last] = Array<string>(2).fill(await fingerprint(files)) as [string, string];
  const look = async (): Promise<void> => {
    const now = await fingerprint(files);
    const isSettled = now === last;
    last = now;
    if (isSettled && now !== loaded && !isStopped) {
      loaded = now;
      await changed();
    }
    schedule();
  };
  const schedule = (): void => {
    if (!isStopped) timer = setTimeout(() => void look(), intervalMs).unref();
  };
  schedule();
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
};
