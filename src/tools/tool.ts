import type { z } from 'zod';
import type { Effect } from '../domain/task.ts';

/** Writes to the worker's log, with task and call attached. Never put secrets in it. */
export type ToolLog = {
  readonly [level in 'debug' | 'info' | 'warn' | 'error']: (message: string, fields?: Record<string, unknown>) => void;
};

/** What a running tool is given beside its input. */
export type ToolContext = {
  readonly taskId: string;
  readonly callId: string;
  readonly principal: {
    readonly id: string;
    readonly roles?: readonly string[] | undefined;
    readonly tenant?: string | undefined;
  };
  /** Same for every attempt of this call, different for every other call: hand it to the system that does the effect. */
  readonly idempotencyKey: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** Aborts when the task is cancelled, the tool's timeout has passed or the worker shuts down. */
  readonly signal: AbortSignal;
  /** Reports progress of long work. The platform sends signs of life by itself. */
  readonly heartbeat: (details?: unknown) => void;
  readonly log: ToolLog;
};

/** Whether a call needs a person: yes, or yes for this reason. */
export type Confirmation = boolean | string;

/** A tool that an agent may be given, made by `defineTool`. */
export type Tool<Input = unknown, Output = unknown> = {
  readonly kind: 'tool';
  readonly name: string;
  readonly description: string;
  readonly effect: Effect;
  readonly input: z.ZodType<Input>;
  readonly output?: z.ZodType<Output> | undefined;
  readonly timeoutMs: number;
  readonly maxAttempts: number;
  readonly idempotent: boolean;
  /** An outsider can write what the tool returns. */
  readonly openWorld: boolean;
  execute(input: Input, context: ToolContext): Promise<Output> | Output;
  confirm?(input: Input): Confirmation | Promise<Confirmation>;
};

/** Tools under one name: `orders` and `find` make `orders.find`. */
export type Toolset = { readonly kind: 'toolset'; readonly name: string; readonly tools: readonly Tool[] };
