import { z } from 'zod';
import { isPointer } from '../json-pointer.ts';
import { Duration } from './duration.ts';

/**
 * Name of a configured server. Neither dots nor two underscores in a row nor one at an end: a model sees `SERVER__TOOL`,
 * and so the first `__` of such a name always ends the server's part.
 */
export const McpServerName = z
  .string()
  .max(32, 'a server name has at most 32 characters')
  .regex(
    /^[A-Za-z0-9-]+(_[A-Za-z0-9-]+)*$/,
    'a server name has letters, digits, "-" and single "_" between them; no dots, no "__"',
  );

/** A value, or the environment variable of the worker that holds it; `prefix` stands before what it holds. */
const SecretText = z.union([z.string(), z.strictObject({ env: z.string().min(1), prefix: z.string().optional() })]);
/** A value as it is written: a text, or where it is to be had. */
export type SecretText = z.infer<typeof SecretText>;

const ArgumentPointer = z
  .string()
  .refine((text) => text !== '' && isPointer(text), 'expected a JSON pointer into the arguments such as "/path"');

/** A read of the same server says what stands there now. */
const BeforeByRead = z.strictObject({
  read: z.string().min(1).describe('A tool of the same server that only reads, by the server’s name of it'),
  arguments: z.record(z.string().min(1), ArgumentPointer).describe('What it is given: values of the call’s arguments'),
  after: ArgumentPointer.optional().describe('Where in the call’s arguments the new content stands'),
  missing: z.string().min(1).optional().describe('How its error begins where nothing is there yet'),
});
/** How a read of the same server says what stands there now. */
export type BeforeByRead = z.infer<typeof BeforeByRead>;

/** The tool itself says what it would do. */
const BeforeByDryRun = z.strictObject({
  dryRun: z
    .record(z.string().min(1), z.json())
    .refine((added) => Object.keys(added).length > 0, 'name the argument that makes it a dry run: { "dryRun": true }')
    .describe('Arguments that are added to the call’s own: with them it changes nothing'),
});
/** How a tool says what it would do, without doing it. */
export type BeforeByDryRun = z.infer<typeof BeforeByDryRun>;

const BEFORE = 'expected { "read": TOOL, "arguments": … }, { "dryRun": { … } }, or false for nothing';

/** What the host says about one tool; it wins over what the server says. */
export const McpToolOverride = z.strictObject({
  effect: z.enum(['read', 'write', 'destructive']).optional(),
  openWorld: z.boolean().optional(),
  egress: z.boolean().optional(),
  sensitive: z.array(z.string().startsWith('/', 'expected a JSON pointer such as "/recipient"')).optional(),
  idempotent: z.boolean().optional(),
  timeout: Duration.optional(),
  rateLimit: z.strictObject({ calls: z.int().min(1).max(10_000), per: Duration }).optional(),
  requires: z.array(z.string().min(1)).optional(),
  before: z
    .union([z.literal(false), BeforeByRead, BeforeByDryRun], BEFORE)
    .optional()
    .describe('What whoever approves a call is shown of what it would change'),
});
/** What the host says about one tool. */
export type McpToolOverride = z.infer<typeof McpToolOverride>;

const common = {
  trusted: z.boolean().default(false).describe('Believe the server where it says that a tool is harmless'),
  timeout: Duration.default('30s').describe('For one call'),
  tools: z.record(z.string().min(1), McpToolOverride).default({}).describe('By the names that the server gives'),
};

const StdioServer = z.strictObject({
  command: z.string().min(1),
  args: z.array(z.string()).default([]),
  env: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), SecretText).default({}),
  cwd: z.string().min(1).optional(),
  ...common,
});

const HttpServer = z.strictObject({
  url: z.url({ protocol: /^https?$/ }),
  headers: z
    .record(z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'expected a header name'), SecretText)
    .default({}),
  ...common,
});

type Configured = z.infer<typeof StdioServer> | z.infer<typeof HttpServer>;

/**
 * Why a tool may not be read with before anyone is asked; undefined: it may, or only the server knows.
 * Deny by default: of a server that is not trusted nothing reads but what the host calls a read.
 */
const notARead = ({ tools, trusted }: Configured, read: string): string | undefined => {
  const { effect, egress } = (Object.hasOwn(tools, read) ? tools[read] : undefined) ?? {};
  if (effect === undefined && !trusted)
    return `${read} is no read: the server is not trusted, and nothing is said of it here (effect: read)`;
  if (effect !== undefined && effect !== 'read') return `${read} is no read: its effect is ${effect}`;
  return egress === true ? `${read} has egress: what it is given may not leave before anyone is asked` : undefined;
};

const checkReads = (server: Configured, context: z.RefinementCtx): void => {
  for (const [name, { before }] of Object.entries(server.tools)) {
    if (before === undefined || before === false || !('read' in before)) continue;
    const message = notARead(server, before.read);
    if (message !== undefined)
      context.addIssue({ code: 'custom', path: ['tools', name, 'before', 'read'], message, input: before.read });
  }
};

/** An MCP server: a command that speaks over its standard streams, or the address of one that speaks Streamable HTTP. */
export const McpServerConfig = z
  .union([StdioServer, HttpServer], 'expected either "command" or "url", and known fields only')
  .superRefine(checkReads);
/** A configured MCP server. */
export type McpServerConfig = z.infer<typeof McpServerConfig>;
/** `mcpServers` of a configuration. */
export const McpServers = z.record(McpServerName, McpServerConfig);
