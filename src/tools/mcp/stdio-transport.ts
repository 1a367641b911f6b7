import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { type JSONRPCMessage, parseJSONRPCMessage, type Transport } from '@modelcontextprotocol/client';

/** How to start a server as a child process. */
export type StdioTarget = {
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment: nothing else is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string | undefined;
  /** A line of its standard error, or one on its standard output that is no message. */
  readonly onLine: (stream: 'stderr' | 'stdout', line: string) => void;
};

/** One message; more without a line end ends the connection. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
const MAX_LINE = 2_000;
/** Lines that are no messages: a banner is forgiven, a stream of them is not. */
const MAX_JUNK_LINES = 100;
const GRACE_MS = 2_000;

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

const living = new Set<number>();
const signalGroup = (pid: number, signal: NodeJS.Signals): void => {
  try {
    // The group: a launcher such as npx hands no signals on.
    process.kill(-pid, signal);
  } catch {
    // It has ended.
  }
};
const endAll = (): void => {
  for (const pid of living) signalGroup(pid, 'SIGKILL');
};

/** Ends the servers when this process exits; when it is killed, the end of their standard input does. */
const endWithUs = (pid: number): (() => void) => {
  if (living.size === 0) process.once('exit', endAll);
  living.add(pid);
  return () => {
    living.delete(pid);
    if (living.size === 0) process.off('exit', endAll);
  };
};

/** Cuts a stream into lines; a line longer than `max` bytes is reported once and ends the cutting. */
const splitLines = (max: number, onLine: (line: string) => void, onTooLong: () => void) => {
  let parts: Buffer[] = [];
  let bytes = 0;
  let isOver = false;
  return (chunk: Buffer): void => {
    for (let rest = chunk; rest.length > 0 && !isOver; ) {
      const end = rest.indexOf(10);
      const part = end === -1 ? rest : rest.subarray(0, end);
      bytes += part.length;
      if (bytes > max) {
        isOver = true;
        parts = [];
        onTooLong();
        return;
      }
      parts.push(part);
      if (end === -1) return;
      const line = Buffer.concat(parts).toString('utf8').replace(/\r$/, '');
      parts = [];
      bytes = 0;
      rest = rest.subarray(end + 1);
      if (line !== '') onLine(line);
    }
  };
};

/** Lines of standard error for the log: long ones are cut, and never end anything. */
const logLines = (onLine: (line: string) => void) => {
  let text = '';
  return (chunk: Buffer): void => {
    const lines = (text + chunk.toString('utf8')).split('\n');
    text = (lines.pop() ?? '').slice(0, MAX_LINE);
    for (const line of lines) if (line.trim() !== '') onLine(line.slice(0, MAX_LINE));
  };
};

/**
 * Speaks MCP with a child process over its standard streams. The SDK's own transport hands on more of the environment,
 * drops lines that are not JSON without a word, and shares the terminal's signals with the server.
 */
export class StdioTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly #target: StdioTarget;
  #child: Child | undefined;
  #closed = Promise.resolve();
  #junk = 0;

  constructor(target: StdioTarget) {
    this.#target = target;
  }

  /** @throws Error when the command cannot be started */
  async start(): Promise<void> {
    const { command, args, env, cwd } = this.#target;
    const child = spawn(command, args, {
      env: { ...env },
      ...(cwd === undefined ? {} : { cwd }),
      stdio: ['pipe', 'pipe', 'pipe'],
      // A group of its own: Ctrl-C in the terminal must not end a server under a running call.
      detached: true,
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    this.#child = child;
    const release = endWithUs(child.pid ?? 0);
    this.#closed = new Promise((resolve) => {
      child.once('close', () => {
        release();
        this.#child = undefined;
        resolve();
        this.onclose?.();
      });
    });
    this.#read(child);
  }

  #read(child: Child): void {
    const report = (error: Error) => this.onerror?.(error);
    for (const stream of [child, child.stdin, child.stdout, child.stderr]) stream.on('error', report);
    const tooLong = () => this.#fail(`a message has more than ${MAX_MESSAGE_BYTES} bytes`);
    child.stdout.on(
      'data',
      splitLines(MAX_MESSAGE_BYTES, (line) => this.#take(line), tooLong),
    );
    child.stderr.on(
      'data',
      logLines((line) => this.#target.onLine('stderr', line)),
    );
    // Its standard output ended: nothing it does can be heard any more.
    child.stdout.once('end', () => void this.close());
  }

  #take(line: string): void {
    let message: JSONRPCMessage;
    try {
      message = parseJSONRPCMessage(JSON.parse(line));
    } catch {
      this.#target.onLine('stdout', line.slice(0, MAX_LINE));
      this.#junk += 1;
      if (this.#junk === MAX_JUNK_LINES) this.#fail(`${MAX_JUNK_LINES} lines on its standard output were no messages`);
      return;
    }
    this.onmessage?.(message);
  }

  #fail(why: string): void {
    this.onerror?.(new Error(why));
    void this.close();
  }

  async send(message: JSONRPCMessage): Promise<void> {
    const child = this.#child;
    if (child === undefined || !child.stdin.writable) throw new Error('Not connected');
    // Not waited for: a server that does not read is dealt with by the request's time-out.
    child.stdin.write(`${JSON.stringify(message)}\n`);
  }

  /** Ends the server: the end of its input, then SIGTERM, then SIGKILL. */
  async close(): Promise<void> {
    const child = this.#child;
    const pid = child?.pid;
    if (child === undefined || pid === undefined) return;
    this.#child = undefined;
    child.stdin.end();
    const timers = [
      setTimeout(() => signalGroup(pid, 'SIGTERM'), GRACE_MS),
      setTimeout(() => {
        signalGroup(pid, 'SIGKILL');
        // A grandchild that left the group may hold the pipes open.
        for (const stream of [child.stdout, child.stderr]) stream.destroy();
      }, 2 * GRACE_MS),
    ];
    await this.#closed;
    for (const timer of timers) clearTimeout(timer);
    signalGroup(pid, 'SIGKILL');
  }
}
