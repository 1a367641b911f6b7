import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { McpServerConfig } from '../../src/domain/schemas/mcp-server.ts';
import { makeFolder } from './support.ts';

const PROGRAM = join(import.meta.dirname, '../../node_modules/@modelcontextprotocol/server-filesystem/dist/index.js');

/** The official filesystem server over a folder of its own. */
export const filesystem = async (
  settings: { readonly trusted?: boolean; readonly tools?: unknown; readonly env?: unknown } = {},
) => {
  const root = await realpath(await makeFolder());
  const config = McpServerConfig.parse({
    command: process.execPath,
    args: [PROGRAM, root],
    trusted: true,
    ...settings,
  });
  return { root, config, at: (name: string) => join(root, name) };
};
