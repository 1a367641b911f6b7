import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** One step of the schema, as drizzle-kit wrote it. */
export type Migration = { readonly tag: string; readonly hash: string; readonly statements: readonly string[] };

/** Beside this file, in the sources and in `dist`. */
const FOLDER = fileURLToPath(new URL('./migrations', import.meta.url));

type Journal = { readonly entries: readonly { readonly tag: string }[] };

/** The migrations that this version knows, in order. */
export const readMigrations = (folder = FOLDER): readonly Migration[] => {
  const journal = JSON.parse(readFileSync(`${folder}/meta/_journal.json`, 'utf8')) as Journal;
  return journal.entries.map(({ tag }) => {
    const text = readFileSync(`${folder}/${tag}.sql`, 'utf8');
    const hash = createHash('sha256').update(text).digest('hex');
    return { tag, hash, statements: text.split('--> statement-breakpoint') };
  });
};
