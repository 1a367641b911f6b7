import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** Where a fault strikes an effect: before the tool asks for it, before and after it happens, and after the tool knows. */
export const PHASES = ['before', 'arrived', 'happened', 'after'] as const;
export type Phase = (typeof PHASES)[number];

/** What strikes: the worker dies, is frozen for longer than its lease, loses the connection, or gets no answer in time. */
export const FAULTS = ['kill', 'freeze', 'drop', 'slow'] as const;
export type FaultKind = (typeof FAULTS)[number];

export type Fault = { readonly tool: string; readonly phase: Phase; readonly kind: FaultKind };

/** What happened outside under one key. */
export type Happened = { tool: string; times: number; undone: number; what?: string | undefined };

type Request = {
  readonly taskId: string;
  readonly tool: string;
  readonly key: string;
  readonly pid: number;
  readonly phase: 'before' | 'effect' | 'after' | 'undo';
  readonly isOnce: boolean;
  /** The argument, of an effect. */
  readonly what?: string;
};

const FROZEN_MS = 5_000;
const SLOW_MS = 2_500;
const ON_ITS_WAY_MS = 250;

const readJson = async (request: IncomingMessage): Promise<unknown> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
};

/**
 * The outside world: a service that effects happen in, in a process that no fault touches. It strikes workers at exact
 * points of a call, so that a kill between two lines can be repeated from its seed.
 */
export class World {
  readonly effects = new Map<string, Happened>();
  readonly struck: string[] = [];
  readonly #faults = new Map<string, Fault[]>();
  readonly #busy = new Map<string, number>();
  readonly #onKill: (pid: number) => void;
  #server: Server | undefined;

  constructor(onKill: (pid: number) => void) {
    this.#onKill = onKill;
  }

  async start(): Promise<string> {
    const server = createServer(
      (request, response) => void this.#serve(request, response).catch(() => response.destroy()),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.#server = server;
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server?.close();
    this.#server?.closeAllConnections();
  }

  /** Faults of a task, each of which strikes once. */
  plan(taskId: string, faults: readonly Fault[]): void {
    this.#faults.set(taskId, [...faults]);
  }

  /** The key of a call, whether its effect has happened or is under way. */
  keyOf(taskId: string, callId: string): string {
    const isOfCall = (key: string) => key.startsWith(`${taskId}/`) && key.includes(`/${callId}/`);
    return [...this.effects.keys(), ...this.#busy.keys()].find(isOfCall) ?? `${taskId}/${callId}`;
  }

  /** What somebody finds who looks: waits for what was sent before, and until nothing is under way. */
  async look(key: string): Promise<Happened | undefined> {
    // A request whose sender gave up may have been written, and not have been read yet.
    await delay(ON_ITS_WAY_MS);
    while ((this.#busy.get(key) ?? 0) > 0) await delay(50);
    return this.effects.get(key);
  }

  #take({ taskId, tool }: Request, phase: Phase): Fault | undefined {
    const faults = this.#faults.get(taskId) ?? [];
    const at = faults.findIndex((fault) => fault.tool === tool && fault.phase === phase);
    return at < 0 ? undefined : faults.splice(at, 1)[0];
  }

  /** @returns whether the connection is gone */
  async #strike(request: Request, phase: Phase, response: ServerResponse): Promise<boolean> {
    const fault = this.#take(request, phase);
    if (fault === undefined) return false;
    this.struck.push(`${request.taskId} ${request.tool} ${phase} ${fault.kind}`);
    if (fault.kind === 'kill') {
      this.#onKill(request.pid);
      return true;
    }
    if (fault.kind === 'drop') {
      response.destroy();
      return true;
    }
    if (fault.kind === 'slow') await delay(SLOW_MS);
    else {
      process.kill(request.pid, 'SIGSTOP');
      await delay(FROZEN_MS);
      try {
        process.kill(request.pid, 'SIGCONT');
      } catch {
        // Another fault killed it meanwhile.
      }
    }
    return false;
  }

  #happen({ key, tool, isOnce, phase, what }: Request): void {
    const happened = this.effects.get(key) ?? { tool, times: 0, undone: 0, what };
    if (phase === 'undo') happened.undone = Math.max(happened.undone, 1);
    else if (!isOnce || happened.times === 0) happened.times += 1;
    this.effects.set(key, happened);
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(incoming.url ?? '/', 'http://world');
    if (incoming.method === 'GET') {
      const found = await this.look(url.searchParams.get('key') ?? '');
      response.end(JSON.stringify(found ?? null));
      return;
    }
    const request = (await readJson(incoming)) as Request;
    this.#busy.set(request.key, (this.#busy.get(request.key) ?? 0) + 1);
    try {
      await this.#answer(request, response);
    } finally {
      this.#busy.set(request.key, (this.#busy.get(request.key) ?? 1) - 1);
    }
  }

  async #answer(request: Request, response: ServerResponse): Promise<void> {
    const { phase } = request;
    if (phase === 'before' || phase === 'after') {
      await this.#strike(request, phase, response);
    } else {
      // A request that was cut off on its way in did not arrive.
      if (await this.#strike(request, 'arrived', response)) return;
      this.#happen(request);
      await this.#strike(request, 'happened', response);
    }
    if (!response.destroyed) response.end(JSON.stringify({ id: `done-${request.key}` }));
  }
}
