import type { Client } from '@modelcontextprotocol/client';
import type { ToolLog } from '../tool.ts';
import { backoffMs } from './backoff.ts';
import { connect, type Target } from './connect.ts';
import { classifyRequest, type Failed, notSent, refused, replyLost, textOf } from './errors.ts';
import { HttpTransport, isStreamGone } from './http-transport.ts';
import { listAll } from './listing.ts';
import { CallResult } from './result.ts';

/** How a server is doing. */
export type ServerState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'up' }
  | { readonly kind: 'down'; readonly error: string };

/** A call of a server's tool. */
export type ServerCall = {
  /** As the server names it. */
  readonly tool: string;
  readonly args: unknown;
  /** Same for every attempt; a server that knows it can do the effect once. */
  readonly idempotencyKey: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Asked when the server is connected and its tools are known, right before anything is sent. @throws why not */
  readonly check: () => void;
};

/** A server that is kept connected. */
export type Connection = {
  readonly state: () => ServerState;
  /** Resolves when the first attempt has ended, whichever way. */
  readonly tried: Promise<void>;
  /** @throws ToolError */
  readonly call: (call: ServerCall) => Promise<CallResult>;
  readonly close: () => Promise<void>;
};

/** What a connection is made of. */
export type ConnectionOptions = {
  readonly target: Target;
  readonly log: ToolLog;
  /** Takes what the server lists, on every connect, change and check. A throw ends the connection. */
  readonly onTools: (tools: readonly unknown[]) => Promise<void>;
  readonly connectTimeoutMs: number;
  /** Before a call, a list that is older than this is asked for again. */
  readonly recheckMs: number;
};

const MAX_SAID = 500;
/** A connection that lived shorter than this counts as a failure. */
const STABLE_MS = 10_000;
/** A call waits for an attempt that is at most this far away. */
const WORTH_WAITING_MS = 2_000;
/** A change is looked at this long after it was told, and all that were told meanwhile with it. */
const CHANGE_MS = 200;
/** Time for the gateway's own time-out to come first. */
const TIMEOUT_GRACE_MS = 500;

const withSignal = async <T>(promise: Promise<T>, signal: AbortSignal): Promise<T> => {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
};

/** Says goodbye, where the protocol has a word for it, and closes. Never throws. */
const endClient = async (client: Client): Promise<void> => {
  const { transport } = client;
  try {
    if (transport instanceof HttpTransport) await withSignal(transport.terminateSession(), AbortSignal.timeout(1_000));
    await client.close();
  } catch {
    await client.close().catch(() => undefined);
  }
};

/** Keeps a server connected: reconnects with backoff, asks for its tools on every connect, on every change and now and then. */
export class ServerConnection implements Connection {
  readonly tried: Promise<void>;
  readonly #options: ConnectionOptions;
  readonly #ending = new AbortController();
  #client: Client | undefined;
  #state: ServerState = { kind: 'connecting' };
  #failures = 0;
  #attempt: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #retryAt = 0;
  #upSince = 0;
  #listedAt = 0;
  #listing: Promise<void> | undefined;
  #change: NodeJS.Timeout | undefined;
  #trouble = '';

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.tried = this.#try();
  }

  state(): ServerState {
    return this.#state;
  }

  get #name(): string {
    return this.#options.target.name;
  }

  #safe(error: unknown): string {
    return this.#options.target.redact(textOf(error)).slice(0, MAX_SAID);
  }

  /** One attempt at a time. Never rejects: the state tells. */
  async #try(): Promise<void> {
    this.#attempt ??= this.#open().finally(() => {
      this.#attempt = undefined;
    });
    await this.#attempt;
  }

  async #open(): Promise<void> {
    if (this.#ending.signal.aborted) return;
    clearTimeout(this.#retry);
    this.#state = { kind: 'connecting' };
    this.#trouble = '';
    const { target, connectTimeoutMs, log } = this.#options;
    const own: { client?: Client } = {};
    try {
      const client = await connect(target, {
        timeoutMs: connectTimeoutMs,
        signal: this.#ending.signal,
        watch: {
          onClose: () => this.#lost(own.client, 'the connection was closed'),
          onError: (error) => this.#onError(own.client, error),
          onToolsChanged: () => this.#onToolsChanged(),
        },
      });
      own.client = client;
      this.#client = client;
      this.#upSince = Date.now();
      await this.#list(client);
      if (this.#client !== client) throw new Error('the connection was closed while its tools were listed');
      this.#state = { kind: 'up' };
      log.info(`MCP server ${this.#name} is connected`);
    } catch (error) {
      this.#drop(own.client);
      this.#failures += 1;
      this.#down(this.#safe(error));
    }
  }

  #onError(client: Client | undefined, error: Error): void {
    this.#trouble = this.#safe(error);
    this.#options.log.debug(`MCP server ${this.#name}: ${this.#trouble}`);
    if (client !== undefined && isStreamGone(error)) this.#lost(client, this.#trouble);
  }

  #drop(client: Client | undefined): void {
    if (this.#client === client) this.#client = undefined;
    void client?.close().catch(() => undefined);
  }

  #lost(client: Client | undefined, why: string): void {
    if (client === undefined || this.#client !== client) return;
    this.#drop(client);
    // While it connects, the attempt itself notices and tells.
    if (this.#attempt !== undefined) return;
    this.#failures = Date.now() - this.#upSince < STABLE_MS ? this.#failures + 1 : 0;
    this.#down(why);
  }

  #down(why: string): void {
    if (this.#ending.signal.aborted) return;
    const error = this.#trouble === '' || why.includes(this.#trouble) ? why : `${why} (${this.#trouble})`;
    this.#state = { kind: 'down', error };
    const waitMs = backoffMs(this.#failures);
    this.#options.log.warn(`MCP server ${this.#name} is down: ${error}`, { retryMs: Math.round(waitMs) });
    this.#retryAt = Date.now() + waitMs;
    this.#retry = setTimeout(() => void this.#try(), waitMs);
  }

  async #list(client: Client): Promise<void> {
    const timeout = this.#options.connectTimeoutMs;
    const tools = await listAll(client, { timeout, signal: this.#ending.signal });
    await this.#options.onTools(tools);
    this.#listedAt = Date.now();
  }

  /** The next call asks for the list itself; a server that tells of changes without an end is asked now and then. */
  #onToolsChanged(): void {
    this.#listedAt = 0;
    this.#change ??= setTimeout(() => {
      this.#change = undefined;
      void this.#relist().catch(() => undefined);
    }, CHANGE_MS);
  }

  /**
   * Asks for the tools again, once at a time.
   * INVARIANT A1: a surface that cannot be checked is not used. Calls that run go on; only a broken connection ends.
   * @throws ToolError nothing was sent
   */
  async #relist(): Promise<void> {
    const client = this.#client;
    if (client === undefined) return;
    this.#listing ??= this.#list(client).finally(() => {
      this.#listing = undefined;
    });
    try {
      await this.#listing;
    } catch (error) {
      this.#listedAt = 0;
      const said = this.#safe(error);
      this.#options.log.warn(`MCP server ${this.#name}: its tools could not be listed: ${said}`);
      if (classifyRequest(error).kind === 'not_sent') this.#lost(client, said);
      throw notSent(`the tools of MCP server ${this.#name} could not be listed: ${said}`);
    }
  }

  /** The client, connected, with a list of tools that is not old. @throws ToolError nothing was sent */
  async #ready(signal: AbortSignal): Promise<Client> {
    const isSoon = this.#retryAt - Date.now() <= WORTH_WAITING_MS;
    if (this.#attempt === undefined && this.#state.kind === 'down' && isSoon) {
      await withSignal(new Promise((resolve) => setTimeout(resolve, this.#retryAt - Date.now())), signal);
      void this.#try();
    }
    if (this.#attempt !== undefined) await withSignal(this.#attempt, signal);
    const isOld = Date.now() - this.#listedAt >= this.#options.recheckMs;
    if (this.#listing !== undefined || isOld) await withSignal(this.#relist(), signal);
    if (this.#client !== undefined && this.#state.kind === 'up') return this.#client;
    const why = this.#state.kind === 'down' ? this.#state.error : 'it is not connected';
    throw notSent(`MCP server ${this.#name} is down: ${why}`);
  }

  async call(call: ServerCall): Promise<CallResult> {
    for (let attempt = 1; ; attempt++) {
      const client = await this.#ready(call.signal);
      call.check();
      try {
        const result = await this.#send(client, call);
        this.#failures = 0;
        return result;
      } catch (error) {
        const failed = classifyRequest(error);
        // The server refused it unread, because it has forgotten us: a new session mends that.
        const isMendable = failed.kind === 'not_sent' && failed.isSessionLost && attempt === 1;
        if (failed.kind === 'not_sent') this.#lost(client, this.#safe(error));
        if (!isMendable) throw this.#errorOf(call, failed, error);
      }
    }
  }

  async #send(client: Client, call: ServerCall): Promise<CallResult> {
    const { tool, args, timeoutMs, signal } = call;
    const _meta = { 'holdfast/idempotencyKey': call.idempotencyKey };
    const params = { name: tool, arguments: args as Record<string, unknown>, _meta };
    // By a schema of our own: the SDK's check of structured content would report an effect that happened as a failure.
    return await client.request({ method: 'tools/call', params }, CallResult, {
      signal,
      timeout: timeoutMs + TIMEOUT_GRACE_MS,
    });
  }

  #errorOf({ tool, signal, timeoutMs }: ServerCall, failed: Failed, error: unknown): Error {
    const said = this.#safe(error);
    if (failed.kind === 'not_sent') return notSent(`${this.#name}: ${said}`);
    if (failed.kind === 'answered') {
      return refused(`${this.#name} answered: ${said}`, failed.isBusy === true ? 'rate_limited' : 'permanent');
    }
    if (signal.aborted && signal.reason instanceof Error) return signal.reason;
    this.#options.log.warn(`MCP server ${this.#name}: the answer of ${tool} was lost`, { error: said });
    return replyLost(
      failed.kind === 'timeout'
        ? `${this.#name} gave no answer within ${timeoutMs} ms`
        : `the connection to ${this.#name} was lost before an answer came that can be read`,
    );
  }

  async close(): Promise<void> {
    this.#ending.abort(new Error('the worker ends'));
    clearTimeout(this.#retry);
    clearTimeout(this.#change);
    const client = this.#client;
    this.#client = undefined;
    await this.#attempt;
    if (client !== undefined) await endClient(client);
  }
}
