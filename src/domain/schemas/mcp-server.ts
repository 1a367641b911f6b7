import { z } from 'zod';
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

/** An MCP server: a command that speaks over its standard streams, or the address of one that speaks Streamable HTTP. */
export const McpServerConfig = z.union(
  [StdioServer, HttpServer],
  'expected either "command" or "url", and known fields only',
);
/** A configured MCP server. */
export type McpServerConfig = z.infer<typeof McpServerConfig>;
/** `mcpServers` of a configuration. */
export const McpServers = z.record(McpServerName, McpServerConfig);
