import type { Digest } from '../../domain/digest.ts';
import type { SurfacePins } from '../../gateway/ports.ts';
import type { Tool, ToolLog } from '../tool.ts';
import { beforeHooks } from './before.ts';
import { type BeforeWay, beforeWayOf, type Sibling } from './before-way.ts';
import type { Target } from './connect.ts';
import { type Connection, ServerConnection, type ServerState } from './connection.ts';
import { refused } from './errors.ts';
import { makeTool } from './make-tool.ts';
import { toolNameOf } from './names.ts';
import { type ListEntry, readTools } from './read-tools.ts';
import { NOT_PINNED, serverIdentity } from './surface.ts';
import type { Usable } from './tool-schemas.ts';

/** A tool of a server, for people: what it is, what was pinned, and why it cannot be used where it cannot. */
export type SurfaceEntry = {
  readonly name: string;
  /** As the server names it. */
  readonly listedName?: string;
  readonly digest?: Digest;
  readonly pinned?: Digest | undefined;
  readonly tool?: Tool;
  readonly problem?: string;
};

/** A server and its tools, for people. */
export type ServerSurface = {
  readonly server: string;
  readonly identity: string;
  readonly state: ServerState;
  readonly tools: readonly SurfaceEntry[];
};

type UsableEntry = ListEntry & { readonly ok: true };
/** `way`: how it is found out what a call would change, which `tool` does and `bare` does not. */
type Known = Sibling & { readonly bare: Tool; readonly way: BeforeWay };

/** Names of tools in one message. */
const MAX_NAMES = 30;

const toolIn = (known: Known | undefined): Pick<SurfaceEntry, 'tool'> =>
  known === undefined ? {} : { tool: known.tool };

/** What one configured server is made of. */
export type ServerOptions = {
  readonly target: Target;
  readonly pins: SurfacePins;
  readonly log: ToolLog;
  readonly connectTimeoutMs: number;
  readonly recheckMs: number;
  readonly onChange: () => void;
};

/** One configured server: kept connected, its tools made and pinned on every list. */
export class McpServer {
  readonly identity: string;
  readonly connection: Connection;
  readonly #options: ServerOptions;
  readonly #said = new Set<string>();
  #known = new Map<string, Known>();
  #entries: readonly SurfaceEntry[] = [];

  constructor(options: ServerOptions) {
    this.#options = options;
    const { target, log, connectTimeoutMs, recheckMs } = options;
    this.identity = serverIdentity(target.name, target.config);
    this.connection = new ServerConnection({
      target,
      log,
      connectTimeoutMs,
      recheckMs,
      onTools: (tools) => this.#take(tools),
    });
  }

  get name(): string {
    return this.#options.target.name;
  }

  /** Tools that can be used. Those of a server that went down stay: their calls fail, and nothing is sent. */
  tools(): readonly Tool[] {
    return [...this.#known.values()].map(({ tool }) => tool);
  }

  surface(): ServerSurface {
    return { server: this.name, identity: this.identity, state: this.connection.state(), tools: this.#entries };
  }

  /** Logs a message once. */
  warn(message: string): void {
    if (this.#said.has(message)) return;
    this.#said.add(message);
    this.#options.log.warn(message);
  }

  async #take(given: readonly unknown[]): Promise<void> {
    const entries = readTools(this.name, given);
    const usable = entries.filter((entry) => entry.ok);
    const surfaces = Object.fromEntries(usable.map(({ listed, digest }) => [listed.name, digest]));
    const pinned = await this.#options.pins.pin(this.identity, surfaces);
    const before = this.#known;
    const usableNow = new Map<string, Sibling>();
    const surface = entries.map((entry) => this.#make(entry, pinned, usableNow));
    const known = new Map([...usableNow].map(([name, own]) => [name, this.#withBefore(name, own, usableNow)]));
    this.#entries = surface.map((each) => ({ ...each, ...toolIn(known.get(each.name)) }));
    this.#known = known;
    this.#warnOfOverrides(usable.map(({ listed }) => listed.name));
    const isSame =
      known.size === before.size && [...known].every(([name, { tool }]) => before.get(name)?.tool === tool);
    if (!isSame) this.#options.onChange();
  }

  #make(entry: ListEntry, pinned: Readonly<Record<string, Digest>>, usable: Map<string, Sibling>): SurfaceEntry {
    const { name } = entry;
    if (!entry.ok) return this.#unusable({ name }, entry.problem);
    const { digest, listed } = entry;
    const pin = Object.hasOwn(pinned, listed.name) ? pinned[listed.name] : undefined;
    const facts = { name, listedName: listed.name, digest, pinned: pin };
    // INVARIANT A1: a tool whose surface is not the one that was pinned asks on every call, until a person pins it.
    const changedFrom = pin === digest ? undefined : (pin ?? NOT_PINNED);
    const made = this.#toolOf(entry, changedFrom);
    if (!made.ok) return this.#unusable(facts, made.problem);
    usable.set(name, { listed, digest, changedFrom, tool: made.value });
    return facts;
  }

  /** A tool with what shows a person what a call would change; the same object as before where nothing about it changed. */
  #withBefore(name: string, own: Sibling, usable: ReadonlyMap<string, Sibling>): Known {
    const { config, redact } = this.#options.target;
    const way = beforeWayOf(config, own, (listedName) => usable.get(toolNameOf(this.name, listedName)));
    const kept = this.#known.get(name);
    if (kept?.bare === own.tool && JSON.stringify(kept.way) === JSON.stringify(way)) return kept;
    if (way.kind === 'impossible') this.warn(this.#aboutBefore(own, way.why));
    const check = (listedName: string, digest: Digest) => this.#check(toolNameOf(this.name, listedName), digest);
    const hooks = beforeHooks({ own, connection: this.connection, redact, check }, way);
    return { ...own, bare: own.tool, way, tool: way.kind === 'none' ? own.tool : { ...own.tool, ...hooks } };
  }

  #aboutBefore({ listed }: Sibling, why: string): string {
    return `mcpServers.${this.name}.tools.${listed.name}.before: ${why}`;
  }

  /** What the configuration says of before-images that cannot be, as long as the server shows what it shows now. */
  mistakes(): readonly string[] {
    const all = [...this.#known.values()];
    const names = all.map(({ listed }) => listed.name).slice(0, MAX_NAMES);
    return all.flatMap((own) =>
      own.way.kind === 'impossible' && own.way.isMistake
        ? [`${this.#aboutBefore(own, own.way.why)}; it has ${names.join(', ')}`]
        : [],
    );
  }

  #unusable(facts: SurfaceEntry, problem: string): SurfaceEntry {
    this.warn(`MCP tool ${facts.name} cannot be used: ${problem}`);
    return { ...facts, problem };
  }

  /** The tool of an entry by itself; the same object as before where nothing about it changed. */
  #toolOf({ name, listed, digest }: UsableEntry, changedFrom: Digest | undefined): Usable<Tool> {
    const kept = this.#known.get(name);
    if (kept?.digest === digest && kept.changedFrom === changedFrom) return { ok: true, value: kept.bare };
    if (changedFrom !== undefined) {
      const what = changedFrom === NOT_PINNED ? 'is new since its server was pinned' : 'is not what was pinned';
      this.warn(`MCP tool ${name} ${what}: it asks on every call until \`holdfast mcp pin ${this.name}\` (${digest})`);
    }
    const { config, redact } = this.#options.target;
    const check = () => this.#check(name, digest);
    const { connection } = this;
    return makeTool({ server: this.name, config, name, listed, digest, changedFrom, connection, redact, check });
  }

  /** INVARIANT A1: what runs is what was reviewed; between the two the server may have shown another tool. */
  #check(name: string, digest: Digest): void {
    if (this.#known.get(name)?.digest === digest) return;
    throw refused(`nothing was sent: ${name} is not the tool any more that was reviewed`);
  }

  #warnOfOverrides(listed: readonly string[]): void {
    for (const name of Object.keys(this.#options.target.config.tools)) {
      if (listed.includes(name)) continue;
      const all = listed.slice(0, MAX_NAMES).join(', ');
      this.warn(`mcpServers.${this.name}.tools.${name}: the server has no tool of this name; it has ${all}`);
    }
  }
}
