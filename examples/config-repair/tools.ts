import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { createToolset, defineTool, type Tool, type ToolContext, type Toolset, withApproval } from 'holdfast';
import { z } from 'zod';
import { appendLine, readLedger, record } from './ledger.ts';
import { Health } from './service.ts';
import { findPlace } from './workspace-path.ts';

/** What the tools work on. */
export type ToolSettings = {
  /** The working folder; no tool leaves it. */
  readonly root: string;
  /** Where the checkout service runs. */
  readonly serviceUrl: string;
  /** Called after an effect was done and before its result is reported: the moment at which a kill hurts most. */
  readonly afterEffect?: (tool: string, signal: AbortSignal) => Promise<void>;
};

const MAX_BYTES = 64_000;
const MAX_FILES = 200;
const MAX_HITS = 50;

const Path = z.string().min(1).max(300).describe('A path inside the working folder');

const bytesOf = (text: string): number => Buffer.byteLength(text);

const readText = async (absolute: string, path: string, signal?: AbortSignal): Promise<string> => {
  const found = await stat(absolute).catch(() => null);
  if (found === null) throw new Error(`there is no file ${path}`);
  if (!found.isFile()) throw new Error(`${path} is no file`);
  if (found.size > MAX_BYTES) throw new Error(`${path} has ${found.size} bytes; at most ${MAX_BYTES} can be read`);
  return await readFile(absolute, { encoding: 'utf8', ...(signal === undefined ? {} : { signal }) });
};

/** The files below a place: no hidden ones, and no links, which are not followed. */
const filesBelow = async (root: string, path: string): Promise<{ path: string; bytes: number }[]> => {
  const place = await findPlace(root, path);
  const entries = await readdir(place.absolute, { recursive: true, withFileTypes: true }).catch(() => {
    throw new Error(`there is no folder ${path}`);
  });
  const names = entries
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(place.absolute.length + 1)
        .replaceAll('\\', '/'),
    )
    .filter((name) => !name.split('/').some((part) => part.startsWith('.')))
    .toSorted()
    .slice(0, MAX_FILES);
  const prefix = place.path === '' ? '' : `${place.path}/`;
  return await Promise.all(
    names.map(async (name) => ({ path: prefix + name, bytes: (await stat(join(place.absolute, name))).size })),
  );
};

const listFiles = ({ root }: ToolSettings): Tool =>
  defineTool({
    name: 'list',
    description: 'List the files below a folder, with their sizes. "." is the whole working folder.',
    effect: 'read',
    input: z.object({ path: Path.default('.') }),
    output: z.object({ files: z.array(z.object({ path: z.string(), bytes: z.int() })) }),
    execute: async ({ path }) => ({ files: await filesBelow(root, path) }),
  });

const readOne = ({ root }: ToolSettings): Tool =>
  defineTool({
    name: 'read',
    description: 'Read one file. Returns its text.',
    effect: 'read',
    input: z.object({ path: Path }),
    output: z.string(),
    execute: async ({ path }, { signal }) => {
      const place = await findPlace(root, path);
      return await readText(place.absolute, place.path, signal);
    },
  });

const searchFiles = ({ root }: ToolSettings): Tool =>
  defineTool({
    name: 'search',
    description: 'Find a text in all files below a folder; upper and lower case are the same. Returns the lines.',
    effect: 'read',
    input: z.object({ text: z.string().trim().min(1).max(200), path: Path.default('.') }),
    output: z.object({
      hits: z.array(z.object({ path: z.string(), line: z.int(), text: z.string() })),
      more: z.boolean(),
    }),
    execute: async ({ text, path }, { signal }) => {
      const wanted = text.toLowerCase();
      const hits: { path: string; line: number; text: string }[] = [];
      for (const file of await filesBelow(root, path)) {
        signal.throwIfAborted();
        if (file.bytes > MAX_BYTES) continue;
        const lines = (await readText(join(root, file.path), file.path, signal)).split('\n');
        hits.push(
          ...lines.flatMap((each, at) =>
            each.toLowerCase().includes(wanted)
              ? [{ path: file.path, line: at + 1, text: each.trim().slice(0, 300) }]
              : [],
          ),
        );
      }
      return { hits: hits.slice(0, MAX_HITS), more: hits.length > MAX_HITS };
    },
  });

/** Replaces a file in one piece: whoever reads it sees the old text or the new one, never half of it. */
const replaceFile = async (absolute: string, content: string): Promise<void> => {
  await mkdir(dirname(absolute), { recursive: true });
  const next = join(dirname(absolute), `.${basename(absolute)}.next`);
  // Left from a kill in the middle. `wx` then makes sure that it is a new file, and no link to somewhere else.
  await rm(next, { force: true });
  const mode = await stat(absolute).then(
    ({ mode }) => mode & 0o777,
    () => 0o644,
  );
  const handle = await open(next, 'wx', mode);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(next, absolute);
};

/**
 * Does an effect once for its key, however often it is called: what the ledger or the world says has happened is not done
 * again. The key stays the same when the platform has to run a call a second time.
 */
const once = async (
  { root, afterEffect }: ToolSettings,
  tool: string,
  { idempotencyKey: key, attempt, signal }: ToolContext,
  effect: { readonly isDone: () => Promise<boolean>; readonly apply: () => Promise<void> },
): Promise<void> => {
  const entry = { tool, key, attempt, worker: process.pid };
  const isKnown = (await readLedger(root)).some((each) => each.key === key && each.event === 'applied');
  if (isKnown) {
    await record(root, { event: 'repeated', ...entry });
    return;
  }
  // Killed between the effect and its line in the ledger: the line is all that is missing.
  if (attempt > 1 && (await effect.isDone())) {
    await record(root, { event: 'applied', ...entry });
    return;
  }
  signal.throwIfAborted();
  await effect.apply();
  await record(root, { event: 'applied', ...entry });
  await afterEffect?.(tool, signal);
};

const Write = z.object({
  path: Path,
  content: z.string().max(MAX_BYTES).describe('The whole new content of the file'),
});

const changedLines = (before: string, after: string): string => {
  const [old, now] = [before, after].map((text) => text.split('\n').map((line) => line.trim()));
  const gone = (old ?? []).filter((line) => !now?.includes(line));
  const come = (now ?? []).filter((line) => !old?.includes(line));
  if (gone.length === 1 && come.length === 1) return `“${gone[0]}” becomes “${come[0]}”`;
  return `${gone.length} lines go, ${come.length} lines come`;
};

/** Why a write needs a person: it touches production, wherever the path says it goes. */
const touchesProduction = async (root: string, { path, content }: z.infer<typeof Write>): Promise<string | false> => {
  const place = await findPlace(root, path);
  // File systems that know no case: Config/PROD is production, too.
  if (!`${place.path.toLowerCase()}/`.startsWith('config/prod/')) return false;
  const before = await readText(place.absolute, place.path).catch(() => '');
  return `it changes production, ${place.path}: ${changedLines(before, content)}`;
};

const writeOne = (settings: ToolSettings): Tool => {
  const { root } = settings;
  const write = defineTool({
    name: 'write',
    description:
      'Replace a file with new content, in one piece. Read it first and keep what need not change. Files below config/prod need a person’s approval.',
    effect: 'write',
    idempotent: true,
    openWorld: false,
    input: Write,
    output: z.object({ path: z.string(), bytes: z.int(), sha256: z.string() }),
    // What stands there now, and what will: whoever approves sees the difference.
    snapshot: async ({ path }) => {
      const place = await findPlace(root, path);
      return await readFile(place.absolute, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return null;
        throw error;
      });
    },
    preview: ({ content }) => content,
    execute: async ({ path, content }, context) => {
      const place = await findPlace(root, path);
      if (place.path === '') throw new Error(`${path} is a folder`);
      await once(settings, 'files.write', context, {
        isDone: async () => (await readFile(place.absolute, 'utf8').catch(() => null)) === content,
        apply: async () => await replaceFile(place.absolute, content),
      });
      return { path: place.path, bytes: bytesOf(content), sha256: createHash('sha256').update(content).digest('hex') };
    },
  });
  return withApproval(write, { requireConfirmation: async (input) => await touchesProduction(root, input) });
};

/** The tools that work on files: list, read, search, write. */
export const createFileTools = (settings: ToolSettings): Toolset =>
  createToolset({
    name: 'files',
    tools: [listFiles(settings), readOne(settings), searchFiles(settings), writeOne(settings)],
  });

/** Asks the running service how it is. */
export const createProbe = ({ serviceUrl }: ToolSettings): Tool =>
  defineTool({
    name: 'probe_service',
    description: 'Ask the running checkout service for its error rate, and what its failures are caused by.',
    effect: 'read',
    openWorld: false,
    timeout: '10s',
    input: z.object({}),
    output: Health,
    execute: async (_, { signal }) => {
      const answer = await fetch(`${serviceUrl}/health`, { signal });
      const body: unknown = await answer.json();
      if (!answer.ok) throw new Error(`the service answers ${answer.status}: ${JSON.stringify(body)}`);
      return Health.parse(body);
    },
  });

/** Where summaries go: what a chat channel would be. */
export const OUTBOX = 'outbox/incidents.jsonl';

/** Posts a summary to the incident channel. */
export const createSummaryTool = (settings: ToolSettings): Tool =>
  defineTool({
    name: 'post_summary',
    description: 'Post a summary to the incident channel, once, when you are done. Returns where it stands.',
    effect: 'write',
    idempotent: true,
    openWorld: false,
    input: z.object({ incident: z.string().min(1).max(50), text: z.string().min(1).max(2_000) }),
    output: z.object({ postedTo: z.string() }),
    execute: async ({ incident, text }, context) => {
      const { absolute } = await findPlace(settings.root, OUTBOX);
      await once(settings, 'post_summary', context, {
        isDone: async () =>
          (await readFile(absolute, 'utf8').catch(() => '')).includes(JSON.stringify(context.idempotencyKey)),
        apply: async () => {
          await mkdir(dirname(absolute), { recursive: true });
          await appendLine(absolute, { key: context.idempotencyKey, incident, text });
        },
      });
      return { postedTo: OUTBOX };
    },
  });
