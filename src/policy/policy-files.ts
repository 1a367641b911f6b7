import { glob, readFile, stat } from 'node:fs/promises';
import { relative, resolve, sep } from 'node:path';
import type { PolicySource } from './policy.ts';
import { policyError } from './policy-error.ts';

/** Where a host's policies are. */
export type PolicyFiles = { readonly patterns: readonly string[]; readonly baseDir: string };

const shownName = (path: string, baseDir: string): string => relative(resolve(baseDir), path).replaceAll(sep, '/');

/** Paths that the patterns name, sorted, each once. @throws PolicyError for a pattern that names none */
const findFiles = async ({ patterns, baseDir: folder }: PolicyFiles): Promise<readonly string[]> => {
  const baseDir = resolve(folder);
  const found = new Set<string>();
  for (const pattern of patterns) {
    const before = found.size;
    for await (const path of glob(pattern, { cwd: baseDir })) found.add(resolve(baseDir, path));
    // A pattern that is misspelt would silently be no rules at all.
    if (found.size === before)
      throw policyError([`policies: no file in ${baseDir} is named by ${JSON.stringify(pattern)}`]);
  }
  return [...found].sort();
};

const decoder = new TextDecoder('utf-8', { fatal: true });

/** Reads the host's policies. @throws PolicyError naming the pattern or file that cannot be read */
export const readPolicyFiles = async (files: PolicyFiles): Promise<readonly PolicySource[]> =>
  await Promise.all(
    (await findFiles(files)).map(async (path) => {
      const name = shownName(path, files.baseDir);
      try {
        return { name, text: decoder.decode(await readFile(path)).replaceAll('\r\n', '\n') };
      } catch (error) {
        throw policyError([`${name}: cannot be read: ${error instanceof Error ? error.message : String(error)}`]);
      }
    }),
  );

/** What tells a changed file: names, sizes, times. Never throws: what is wrong is found when they are read. */
export const fingerprint = async (files: PolicyFiles): Promise<string> => {
  try {
    const facts = (await findFiles(files)).map(async (path) => {
      const { mtimeMs, size, ino } = await stat(path);
      return `${path} ${mtimeMs} ${size} ${ino}`;
    });
    return (await Promise.all(facts)).join('\n');
  } catch (error) {
    return String(error);
  }
};
