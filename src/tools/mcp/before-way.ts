import type { Digest } from '../../domain/digest.ts';
import { isRecord, type Json } from '../../domain/json.ts';
import type { BeforeByDryRun, BeforeByRead, McpServerConfig } from '../../domain/schemas/mcp-server.ts';
import type { Tool } from '../tool.ts';
import type { ListedTool } from './listing.ts';

/** A tool of a server, as far as finding out what another one would change needs it. */
export type Sibling = {
  readonly listed: ListedTool;
  readonly digest: Digest;
  readonly changedFrom: Digest | undefined;
  readonly tool: Tool;
};

/** A tool that is called by the platform itself: by the server's name of it, and only as long as it is this one. */
export type Reader = { readonly tool: string; readonly digest: Digest };

/** A read of the same server that tells what stands there now. */
export type ReadWay = Omit<BeforeByRead, 'read'> & {
  readonly kind: 'read';
  readonly reader: Reader;
  readonly missing: string;
  /** Tells the size of what would be read: a huge answer would end the connection, and with it the calls of others. */
  readonly sizer?: Reader;
};

/** How it is found out what a call of a tool would change. */
export type BeforeWay =
  | { readonly kind: 'none' }
  | ReadWay
  /** The tool itself says it, with arguments added. */
  | { readonly kind: 'dry_run'; readonly added: Readonly<Record<string, Json>> }
  /** The host wants it, and it cannot be; `isMistake`: as long as the configuration stays as it is. */
  | { readonly kind: 'impossible'; readonly why: string; readonly isMistake: boolean };

/** How Node's file functions begin the error for a file that is not there. */
const MISSING = 'ENOENT: no such file or directory';

const mistake = (why: string): BeforeWay => ({ kind: 'impossible', why, isMistake: true });

/** Words about a surface that is not the pinned one: a person has to look at it before the platform relies on it. */
const unpinned = (name: string): BeforeWay => ({
  kind: 'impossible',
  why: `${name} is not the tool that was pinned`,
  isMistake: false,
});

/**
 * Why a tool may not be called before anyone was asked; undefined: it may. Deny by default: it is called with what a model wrote, so
 * it has to be a read by the word of the host or of a server that the host trusts, as it was pinned, and inside the trust boundary.
 */
const whyNotRead = ({ listed, changedFrom, tool }: Sibling): BeforeWay | undefined => {
  if (tool.effect !== 'read') return mistake(`${listed.name} is no read: say so with effect: read, if it is one`);
  if (tool.egress) return mistake(`${listed.name} has egress: what it is given may not leave before anyone is asked`);
  return changedFrom === undefined ? undefined : unpinned(listed.name);
};

const readerOf = ({ listed, digest }: Sibling): Reader => ({ tool: listed.name, digest });

const readBy = (reader: Sibling, { read: _, ...before }: BeforeByRead): BeforeWay =>
  whyNotRead(reader) ?? { kind: 'read', ...before, missing: before.missing ?? MISSING, reader: readerOf(reader) };

const propertiesOf = ({ inputSchema }: ListedTool): Readonly<Record<string, unknown>> =>
  isRecord(inputSchema) && isRecord(inputSchema['properties']) ? inputSchema['properties'] : {};

/** INVARIANT A1: a server that does not know the argument would leave it out, and do the effect before anyone was asked. */
const dryRun = ({ listed, changedFrom }: Sibling, { dryRun: added }: BeforeByDryRun): BeforeWay => {
  const unknown = Object.keys(added).find((key) => !Object.hasOwn(propertiesOf(listed), key));
  if (unknown !== undefined) return mistake(`${listed.name} has no argument ${unknown}, so it would not be a dry run`);
  return changedFrom === undefined ? { kind: 'dry_run', added } : unpinned(listed.name);
};

const isText = (schema: unknown): boolean => isRecord(schema) && schema['type'] === 'string';

/** Arguments that are texts, and no others that would change what is written. */
const takesOnly = (listed: ListedTool, names: readonly string[]): boolean => {
  const properties = propertiesOf(listed);
  return Object.keys(properties).length === names.length && names.every((name) => isText(properties[name]));
};

const takesPath = (listed: ListedTool): boolean => {
  const { inputSchema } = listed;
  const required = isRecord(inputSchema) ? inputSchema['required'] : undefined;
  const others = Array.isArray(required) ? required.filter((name) => name !== 'path') : [];
  return isText(propertiesOf(listed)['path']) && others.length === 0;
};

const READERS = ['read_text_file', 'read_file'];
const SIZER = 'get_file_info';

/** The tools of the official filesystem server, and of those that are made like it. */
const byShape = (own: Sibling, find: (listedName: string) => Sibling | undefined): BeforeWay => {
  if (own.listed.name !== 'write_file' || !takesOnly(own.listed, ['path', 'content'])) return { kind: 'none' };
  const findReader = (names: readonly string[]): Sibling | undefined =>
    names
      .map(find)
      .filter((each) => each !== undefined)
      .find((each) => takesPath(each.listed) && whyNotRead(each) === undefined);
  const reader = findReader(READERS);
  if (reader === undefined) return { kind: 'none' };
  const sizer = findReader([SIZER]);
  return {
    kind: 'read',
    reader: readerOf(reader),
    arguments: { path: '/path' },
    after: '/content',
    missing: MISSING,
    ...(sizer === undefined ? {} : { sizer: readerOf(sizer) }),
  };
};

/**
 * How to find out what a call of a tool would change: as the host says, else by the shape of file tools, else not at all.
 * @param find another usable tool of the server, by the server's name of it
 */
export const beforeWayOf = (
  { tools }: McpServerConfig,
  own: Sibling,
  find: (listedName: string) => Sibling | undefined,
): BeforeWay => {
  const { name } = own.listed;
  const before = Object.hasOwn(tools, name) ? tools[name]?.before : undefined;
  if (own.tool.effect === 'read' || before === false) return { kind: 'none' };
  if (before === undefined) return byShape(own, find);
  if ('dryRun' in before) return dryRun(own, before);
  const reader = find(before.read);
  if (reader === undefined) return mistake(`the server has no tool ${before.read} that can be used`);
  return readBy(reader, before);
};
