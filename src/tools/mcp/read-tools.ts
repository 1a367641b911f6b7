import type { Digest } from '../../domain/digest.ts';
import { jsonBytes } from '../../domain/json.ts';
import { ListedTool } from './listing.ts';
import { toolNameOf } from './names.ts';
import { surfaceDigest } from './surface.ts';
import { isTooDeep } from './text.ts';

const MAX_BYTES = 160 * 1024;

/** An entry of a server's list: a tool with the digest of its surface, or why it cannot be one. */
export type ListEntry =
  | { readonly ok: true; readonly name: string; readonly listed: ListedTool; readonly digest: Digest }
  | { readonly ok: false; readonly name: string; readonly problem: string };

const readOne = (server: string, given: unknown): ListEntry => {
  if (isTooDeep(given)) return { ok: false, name: `${server}.?`, problem: 'its definition nests too deeply' };
  const parsed = ListedTool.safeParse(given);
  if (!parsed.success) return { ok: false, name: `${server}.?`, problem: 'it has no name that can be used' };
  const name = toolNameOf(server, parsed.data.name);
  if (jsonBytes(parsed.data) > MAX_BYTES)
    return { ok: false, name, problem: `it has more than ${MAX_BYTES / 1024} KB` };
  return { ok: true, name, listed: parsed.data, digest: surfaceDigest(parsed.data) };
};

/** Reads a server's list, each entry by itself. Of two with one name neither can be meant, so neither is used. */
export const readTools = (server: string, given: readonly unknown[]): readonly ListEntry[] => {
  const entries = given.map((each) => readOne(server, each));
  const count = new Map<string, number>();
  for (const entry of entries) if (entry.ok) count.set(entry.name, (count.get(entry.name) ?? 0) + 1);
  return entries.map((entry) =>
    entry.ok && (count.get(entry.name) ?? 0) > 1
      ? { ok: false, name: entry.name, problem: 'two tools of the server have this name' }
      : entry,
  );
};
