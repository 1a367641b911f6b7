import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const armed = (dir: string, point: string): string => join(dir, `${point}.armed`);
const reached = (dir: string, point: string): string => join(dir, `${point}.reached`);

/** The next process that comes to this point stops there. */
export const arm = (dir: string, point: string): void => writeFileSync(armed(dir, point), '');
export const isReached = (dir: string, point: string): boolean => existsSync(reached(dir, point));

/** Stops here for ever, once, where a test armed the point. */
export const stopAt = async (dir: string, point: string): Promise<void> => {
  if (!existsSync(armed(dir, point))) return;
  rmSync(armed(dir, point));
  writeFileSync(reached(dir, point), '');
  await new Promise(() => undefined);
};
