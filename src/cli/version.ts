import { readFileSync } from 'node:fs';

/** The version of this package; the file lies two folders up, from the sources as from what is built. */
export const readVersion = (): string => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
};
