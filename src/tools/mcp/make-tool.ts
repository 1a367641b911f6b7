import type { Digest } from '../../domain/digest.ts';
import type { McpServerConfig } from '../../domain/schemas/mcp-server.ts';
import type { Tool } from '../tool.ts';
import type { Connection } from './connection.ts';
import { factsOf } from './effects.ts';
import { type Redact, refused } from './errors.ts';
import type { ListedTool } from './listing.ts';
import { outputChecks, outputOf, textOfResult } from './result.ts';
import { cleanText } from './text.ts';
import { inputSchemaOf, outputSchemaOf, type Usable } from './tool-schemas.ts';

const MAX_DESCRIPTION = 4_000;
const MAX_ERROR = 2_000;

/** What a tool of a server is made of. */
export type ToolMaking = {
  readonly server: string;
  readonly config: McpServerConfig;
  readonly name: string;
  readonly listed: ListedTool;
  readonly digest: Digest;
  readonly changedFrom: Digest | undefined;
  readonly connection: Connection;
  readonly redact: Redact;
  /** @throws when the server shows another tool under the name by now */
  readonly check: () => void;
};

const describe = ({ name, title, description, annotations }: ListedTool): string =>
  cleanText((description ?? '').trim() || title || annotations?.title || name, MAX_DESCRIPTION);

/** A server's tool as one of ours, or why it cannot be used. */
export const makeTool = (making: ToolMaking): Usable<Tool> => {
  const { server, config, name, listed, digest, changedFrom, connection, redact, check } = making;
  const input = inputSchemaOf(listed.inputSchema);
  if (!input.ok) return input;
  const declared = outputSchemaOf(listed.outputSchema);
  if (!declared.ok) return declared;
  const facts = factsOf(config, listed.name, listed.annotations ?? {});
  const checks = declared.value === undefined ? undefined : outputChecks(declared.value);
  const tool: Tool = {
    kind: 'tool',
    name,
    description: describe(listed),
    input: input.value,
    ...(checks === undefined ? {} : { output: checks.output }),
    ...facts,
    surface: { server, digest, ...(changedFrom === undefined ? {} : { changedFrom }) },
    execute: async (args, { signal, idempotencyKey }) => {
      const call = { tool: listed.name, args, timeoutMs: facts.timeoutMs, signal, idempotencyKey, check };
      const result = await connection.call(call);
      // The server's words go to the model as untrusted text, whatever they say.
      if (result.isError === true) throw refused(redact(cleanText(textOfResult(result) || 'it failed', MAX_ERROR)));
      const value = outputOf(result);
      return checks === undefined ? value : await checks.remember(result, value);
    },
  };
  return { ok: true, value: tool };
};
