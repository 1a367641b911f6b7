import type { Digest } from '../../domain/digest.ts';
import type { SurfacePins } from '../../gateway/ports.ts';
import type { Tool, ToolLog } from '../tool.ts';
import type { Target } from './connect.ts';
import { type Connection, ServerConnection, type ServerState } from './connection.ts';
import { refused } from './errors.ts';
import { makeTool } from './make-tool.ts';
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
type Known = { readonly digest: Digest; readonly changedFrom: Digest | undefined; readonly tool: Tool };

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
    const known = new Map<string, Known>();
    const surface = entries.map((entry) => this.#make(entry, pinned, known));
    this.#entries = surface;
    this.#known = known;
    this.#warnOfOverrides(usable.map(({ listed }) => listed.name));
    const isSame =
      known.size === before.size && [...known].every(([name, { tool }]) => before.get(name)?.tool === tool);
    if (!isSame) this.#options.onChange();
  }

  #make(entry: ListEntry, pinned: Readonly<Record<string, Digest>>, known: Map<string, Known>): SurfaceEntry {
    const { name } = entry;
    if (!entry.ok) return this.#unusable({ name }, entry.problem);
    const { digest, listed } = entry;
    const pin = Object.hasOwn(pinned, listed.name) ? pinned[listed.name] : undefined;
    const facts = { name, listedName: listed.name, digest, pinned: pin };
    // INVARIANT A1: a tool whose surface is not the one that was pinned asks on every call, until a person pins it.
    const changedFrom = pin === digest ? undefined : (pin ?? NOT_PINNED);
    const made = this.#toolOf(entry, changedFrom);
    if (!made.ok) return this.#unusable(facts, made.problem);
    known.set(name, { digest, changedFrom, tool: made.value });
    return { ...facts, tool: made.value };
  }

  #unusable(facts: SurfaceEntry, problem: string): SurfaceEntry {
    this.warn(`MCP tool ${facts.name} cannot be used: ${problem}`);
    return { ...facts, problem };
  }

  /** The tool of an entry; the same object as before where nothing about it changed. */
  #toolOf({ name, listed, digest }: UsableEntry, changedFrom: Digest | undefined): Usable<Tool> {
    const kept = this.#known.get(name);
    if (kept?.digest === digest && kept.changedFrom === changedFrom) return { ok: true, value: kept.tool };
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
      const all = listed.slice(0, 30).join(', ');
      this.warn(`mcpServers.${this.name}.tools.${name}: the server has no tool of this name; it has ${all}`);
    }
  }
}
