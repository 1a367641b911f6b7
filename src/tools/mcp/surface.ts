import { type Digest, digestJson } from '../../domain/digest.ts';
import type { McpServerConfig } from '../../domain/schemas/mcp-server.ts';
import type { SurfacePins } from '../../gateway/ports.ts';
import type { ListedTool } from './listing.ts';

/** Stands for the pin of a tool that appeared after its server was pinned: it asks, like a changed one. */
export const NOT_PINNED: Digest = 'sha256:none';

/** What a model and a person are shown of a tool, as one digest. */
export const surfaceDigest = (tool: ListedTool): Digest => {
  const { name, title, description, inputSchema, outputSchema, annotations } = tool;
  // Through JSON: what is absent and what is undefined count the same.
  return digestJson(JSON.parse(JSON.stringify({ name, title, description, inputSchema, outputSchema, annotations })));
};

/** Names a server in the pins: by its name here and by what it is, so that another program under the name starts anew. */
export const serverIdentity = (name: string, config: McpServerConfig): string => {
  const what = 'url' in config ? { url: config.url } : { command: config.command, args: config.args };
  return `${name}@${digestJson(what).slice(7, 23)}`;
};

/** Pins for as long as a worker lives, where no store keeps them. */
export const memoryPins = (): SurfacePins => {
  const pins = new Map<string, Readonly<Record<string, Digest>>>();
  return {
    pin: async (server, surfaces) => {
      const pinned = pins.get(server) ?? surfaces;
      // A server that shows nothing yet has not been used for the first time.
      if (Object.keys(pinned).length > 0) pins.set(server, pinned);
      return pinned;
    },
    repin: async (server, surfaces) => {
      pins.set(server, surfaces);
    },
  };
};

/** Pins that can be looked at: nothing is pinned by it, and a server without pins shows what it has as if it were. */
export const lookAtPins = (pins: SurfacePins): SurfacePins => ({
  ...pins,
  pin: async (server, surfaces) => {
    const known = await pins.pin(server, {});
    return Object.keys(known).length === 0 ? surfaces : known;
  },
});
