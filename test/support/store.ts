import { inject, onTestFinished } from 'vitest';
import { createDatabase } from './store-server.ts';

type AtEnd = (end: () => Promise<void>) => void;

const makeStore = async (isMigrated: boolean, atEnd: AtEnd): Promise<string> => {
  const { url, drop } = await createDatabase(inject('store'), { isMigrated });
  atEnd(drop);
  return url;
};

/**
 * A control store of its own, empty, that ends with the test: breakers, rate windows and the order of policy sets are shared by
 * all who use one.
 * @param atEnd a concurrent test gives its own
 */
export const freshStore = async (atEnd: AtEnd = onTestFinished): Promise<string> => await makeStore(false, atEnd);

/** As `freshStore`, and migrated: saves a worker's start some time. */
export const migratedStore = async (atEnd: AtEnd = onTestFinished): Promise<string> => await makeStore(true, atEnd);
