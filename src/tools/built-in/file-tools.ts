import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import { defineTool } from '../define-tool.ts';
import type { CompensationContext, Toolset } from '../tool.ts';
import { createToolset } from '../toolset.ts';
import { type Place, plainError, readWhole, removeFile, writeWhole } from './file-content.ts';
import { listFolder } from './file-list.ts';
import { parsePath } from './file-path.ts';
import { MAX_PAGE, readPage } from './file-read.ts';
import { MAX_BEFORE_IMAGE, previewChange, putBack, takeBeforeImage } from './file-undo.ts';

/** What `fileTools` takes. */
export type FileToolsOptions = {
  /** The folder; nothing outside of it is read or written. It must exist. */
  readonly root: string;
  /** `files` by default: the tools are `files.read`, `files.list`, `files.write` and `files.remove`. */
  readonly name?: string;
  /** The largest file that may be overwritten or removed, bytes: its content is kept for the undo. 262144 by default, and at most. */
  readonly maxBytes?: number;
  /** An outsider can write these files, so what is read from them is untrusted; true by default. */
  readonly openWorld?: boolean;
};

const MAX_CONTENT = 60 * 1024;

/** What reading put in the place of something else: written back, it would destroy what stands there. */
const MARKS = /\[redacted: [a-z ]{1,40}\]|\[cut: \d+ of \d+ bytes shown/;

const Path = z
  .string()
  .min(1)
  .refine((path) => typeof parsePath(path) !== 'string', { error: ({ input }) => String(parsePath(String(input))) })
  .describe('Relative to the folder, with "/": notes/today.md');

const FilePath = Path.refine((path) => parsePath(path).length > 0, 'the path names the folder itself');

type Settings = { readonly root: string; readonly maxBytes: number; readonly openWorld: boolean };

const placeOf = ({ root }: Settings, path: string): Place => {
  const names = parsePath(path);
  if (typeof names === 'string') throw new Error(names);
  return { root, names };
};

/** Runs something with a file; errors say the path as the model knows it. */
const withPlace = async <Made>(
  settings: Settings,
  path: string,
  run: (place: Place) => Promise<Made>,
): Promise<Made> => {
  try {
    return await run(placeOf(settings, path));
  } catch (error) {
    throw plainError(error, path);
  }
};

/** Why a file cannot be changed; undefined: it can. */
const problemOf = async (settings: Settings, path: string): Promise<string | undefined> => {
  try {
    await withPlace(settings, path, (place) => readWhole(place, settings.maxBytes));
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
};

const undo =
  (settings: Settings) =>
  async ({ path }: { readonly path: string }, _: unknown, context: CompensationContext): Promise<unknown> => {
    const { snapshot, idempotencyKey: key, attempt } = context;
    return await withPlace(settings, path, (place) => putBack(place, snapshot, { key, attempt }));
  };

const createRead = (settings: Settings) =>
  defineTool({
    name: 'read',
    description:
      'Read a text file, a page at a time: text from offset on; go on at next. Pictures and PDFs are given as artifacts.',
    effect: 'read',
    input: z.object({
      path: FilePath,
      offset: z.int().min(0).optional().describe('Where to begin, in bytes; 0 by default'),
      limit: z.int().min(1).max(MAX_PAGE).optional().describe(`Bytes to read at most; ${MAX_PAGE} by default`),
    }),
    openWorld: settings.openWorld,
    execute: async ({ path, offset = 0, limit = MAX_PAGE }) =>
      await withPlace(settings, path, (place) => readPage(place, offset, limit)),
  });

const createList = (settings: Settings) =>
  defineTool({
    name: 'list',
    description: 'List a folder: names, kinds and sizes; go on at next.',
    effect: 'read',
    input: z.object({ path: Path.optional().describe('"." by default'), offset: z.int().min(0).optional() }),
    openWorld: settings.openWorld,
    execute: async ({ path = '.', offset = 0 }) =>
      await withPlace(settings, path, ({ root, names }) => listFolder(root, names, offset)),
  });

const createWrite = (settings: Settings) => {
  const { maxBytes, openWorld } = settings;
  return defineTool({
    name: 'write',
    description: 'Write a whole text file: it replaces what the file held. Folders on the way are made.',
    effect: 'write',
    input: z.object({ path: FilePath, content: z.string().max(MAX_CONTENT) }),
    output: z.object({ path: z.string(), bytes: z.int() }),
    idempotent: true,
    openWorld,
    sensitive: ['/path'],
    check: async ({ path, content }) =>
      MARKS.test(content)
        ? 'the content has a mark that stands for something you were not shown; written, it would replace the real content'
        : await problemOf(settings, path),
    snapshot: async ({ path, content }) =>
      await withPlace(settings, path, (place) => takeBeforeImage(place, Buffer.from(content), maxBytes)),
    preview: ({ content }, before) => previewChange(before, content),
    execute: async ({ path, content }, { idempotencyKey, attempt }) => {
      const bytes = Buffer.from(content);
      await withPlace(settings, path, (place) => writeWhole(place, bytes, { key: idempotencyKey, attempt }));
      return { path, bytes: bytes.length };
    },
    verify: async ({ path, content }) => {
      const wanted = Buffer.from(content);
      const found = await withPlace(settings, path, (place) => readWhole(place, Math.max(maxBytes, wanted.length)));
      return found?.equals(wanted) === true || `${JSON.stringify(path)} does not hold what was written`;
    },
    compensate: undo(settings),
  });
};

const createRemove = (settings: Settings) => {
  const { maxBytes, openWorld } = settings;
  return defineTool({
    name: 'remove',
    description: 'Remove a file. Gives removed: false where there is none.',
    effect: 'write',
    input: z.object({ path: FilePath }),
    output: z.object({ path: z.string(), removed: z.boolean() }),
    idempotent: true,
    openWorld,
    sensitive: ['/path'],
    check: async ({ path }) => await problemOf(settings, path),
    snapshot: async ({ path }) =>
      await withPlace(settings, path, (place) => takeBeforeImage(place, undefined, maxBytes)),
    preview: (_, before) => previewChange(before, undefined),
    execute: async ({ path }) => ({ path, removed: await withPlace(settings, path, removeFile) }),
    verify: async ({ path }) =>
      (await withPlace(settings, path, (place) => readWhole(place, Number.MAX_SAFE_INTEGER))) === undefined ||
      `${JSON.stringify(path)} is still there`,
    compensate: undo(settings),
  });
};

/**
 * Tools for the files of one folder: `read`, `list`, `write`, `remove`. Nothing outside of the folder is reached: no `..`, no
 * absolute paths, no links, also where one is put in place meanwhile. Writes are atomic and idempotent; what they replace is kept, and
 * put back when the task fails. A file that is larger than `maxBytes` is neither overwritten nor removed: it could not be put back.
 * Folders that a write made stay.
 * @throws TypeError when `root` is no folder, or an option does not fit
 */
export const fileTools = (options: FileToolsOptions): Toolset => {
  const { name = 'files', maxBytes = MAX_BEFORE_IMAGE, openWorld = true } = options;
  const root = resolve(options.root);
  if (statSync(root, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new TypeError(`fileTools: root ${root} is no folder`);
  }
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 1 || maxBytes > MAX_BEFORE_IMAGE) {
    throw new TypeError(`fileTools: maxBytes must be a whole number from 1 to ${MAX_BEFORE_IMAGE}`);
  }
  const settings: Settings = { root, maxBytes, openWorld };
  const tools = [createRead(settings), createList(settings), createWrite(settings), createRemove(settings)];
  return createToolset({ name, tools });
};
