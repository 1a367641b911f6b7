import type { Client } from '@modelcontextprotocol/client';
import { z } from 'zod';

/** Pages of one list, and tools in it: a list without an end is a broken server. */
const MAX_PAGES = 50;
const MAX_TOOLS = 1_000;

const Page = z.looseObject({ tools: z.array(z.unknown()), nextCursor: z.string().max(10_000).nullish() });

/** A tool as a server lists it. Nothing in it is believed yet, and other fields are not looked at. */
export const ListedTool = z.object({
  name: z.string().min(1).max(256),
  title: z.string().optional().catch(undefined),
  description: z.string().optional().catch(undefined),
  inputSchema: z.unknown(),
  outputSchema: z.unknown().optional(),
  annotations: z
    .object({
      title: z.string().optional().catch(undefined),
      readOnlyHint: z.boolean().optional().catch(undefined),
      destructiveHint: z.boolean().optional().catch(undefined),
      idempotentHint: z.boolean().optional().catch(undefined),
      openWorldHint: z.boolean().optional().catch(undefined),
    })
    .optional()
    .catch(undefined),
});
/** A tool as a server lists it. */
export type ListedTool = z.infer<typeof ListedTool>;

/**
 * All tools that a server lists, page by page; each is looked at by itself, so that one bad entry does not hide the rest.
 * @throws Error when the list has no end
 */
export const listAll = async (
  client: Client,
  options: { readonly timeout: number; readonly signal: AbortSignal },
): Promise<readonly unknown[]> => {
  if (client.getServerCapabilities()?.tools === undefined) return [];
  const tools: unknown[] = [];
  const seen = new Set<string>();
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const params = cursor === undefined ? {} : { cursor };
    // By a schema of our own: the SDK's refuses a whole page for one wrong tool.
    const { tools: more, nextCursor } = await client.request({ method: 'tools/list', params }, Page, options);
    tools.push(...more);
    if (tools.length > MAX_TOOLS) throw new Error(`it lists more than ${MAX_TOOLS} tools`);
    // A cursor that comes again would go round for ever; what was listed counts.
    if (nextCursor === undefined || nextCursor === null || seen.has(nextCursor)) return tools;
    seen.add(nextCursor);
    cursor = nextCursor;
  }
  throw new Error(`its list of tools has more than ${MAX_PAGES} pages`);
};
