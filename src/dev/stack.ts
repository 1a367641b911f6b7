import type { SearchAttributeName } from '../domain/task.ts';
import { type DevFolder, openDevFolder } from './dev-folder.ts';
import { stopOnSignals } from './end-with-us.ts';
import { markProcess } from './process-mark.ts';
import { STACK_DEFAULTS, type StackOptions, type StackSettings } from './stack-options.ts';
import { type StackStore, startStackStore } from './stack-store.ts';
import { type StackTemporal, startStackTemporal } from './stack-temporal.ts';

export type { StackOptions } from './stack-options.ts';

/** A local stack that is ready. */
export type Stack = {
  /** `host:port` */
  readonly temporal: string;
  readonly namespace: string;
  /** Null for a Temporal that was configured: where its UI is, nobody says. */
  readonly ui: string | null;
  /** URL of the control store, password included. */
  readonly store: string;
  /** Only ever filled for a configured Temporal on another machine. */
  readonly missingSearchAttributes: readonly SearchAttributeName[];
  /** Records a child (the worker), so that the next start ends it should this process be killed. */
  recordChild(pid: number): Promise<void>;
  /** Ends all that was started. Idempotent. */
  stop(): Promise<void>;
};

const recordChild = async (folder: DevFolder, pid: number): Promise<void> => {
  const mark = await markProcess(pid);
  if (mark !== null) await folder.recordChild(mark);
};

type Parts = { readonly temporal: StackTemporal; readonly store: StackStore };

const stopper = ({ temporal, store }: Parts, folder: DevFolder): (() => Promise<void>) => {
  let stopping: Promise<void> | undefined;
  const run = async (): Promise<void> => {
    try {
      await Promise.all([temporal.stop(), store.stop()]);
    } finally {
      await folder.close();
    }
  };
  return async () => await (stopping ??= run());
};

/** Starts both at the same time; where one fails, the other is stopped and the first failure is thrown. */
const startParts = async (settings: StackSettings, folder: DevFolder): Promise<Parts> => {
  const failed = new AbortController();
  const inner = { ...settings, signal: AbortSignal.any([settings.signal, failed.signal]) };
  const attempt = async <Part>(start: (settings: StackSettings, folder: DevFolder) => Promise<Part>): Promise<Part> =>
    await start(inner, folder).catch((error: unknown) => {
      failed.abort(error);
      throw error;
    });
  const [temporal, store] = await Promise.allSettled([attempt(startStackTemporal), attempt(startStackStore)]);
  if (temporal.status === 'fulfilled' && store.status === 'fulfilled')
    return { temporal: temporal.value, store: store.value };
  for (const part of [temporal, store]) if (part.status === 'fulfilled') await part.value.stop();
  throw failed.signal.reason;
};

const launch = async (settings: StackSettings): Promise<Stack> => {
  const { namespace, onProgress, signal } = settings;
  const folder = await openDevFolder(settings.dataDir, onProgress);
  let parts: Parts | undefined;
  try {
    parts = await startParts(settings, folder);
    const { pid, address, ui } = parts.temporal;
    await folder.publish({ temporal: { pid, address }, ui, namespace, store: parts.store.url });
    signal.throwIfAborted();
  } catch (error) {
    await Promise.all([parts?.temporal.stop(), parts?.store.stop()]);
    await folder.close();
    throw error;
  }
  const { temporal, store } = parts;
  return {
    temporal: temporal.address,
    namespace,
    ui: temporal.ui,
    store: store.url,
    missingSearchAttributes: temporal.missing,
    recordChild: async (pid) => await recordChild(folder, pid),
    stop: stopper(parts, folder),
  };
};

/**
 * Starts the local stack, or uses the configured Temporal and control store, and resolves when tasks can be started on it. What it started
 * ends with this process; after a SIGKILL the next start in the same folder ends it. SIGINT, SIGTERM and SIGHUP stop it
 * where the program has no handler of its own.
 * @throws StackError with what to do; the signal's reason when aborted. Nothing keeps running then.
 */
export const startStack = async (options: StackOptions): Promise<Stack> => {
  const cancel = new AbortController();
  const onAbort = (): void => cancel.abort(options.signal?.reason);
  options.signal?.throwIfAborted();
  options.signal?.addEventListener('abort', onAbort, { once: true });
  const launched = launch({ ...STACK_DEFAULTS, ...options, signal: cancel.signal });
  const removeHandlers = stopOnSignals(async () => {
    cancel.abort();
    await launched.then(
      async (stack) => await stack.stop(),
      () => undefined,
    );
  });
  const release = (): void => {
    removeHandlers();
    options.signal?.removeEventListener('abort', onAbort);
  };
  try {
    const stack = await launched;
    const stop = async (): Promise<void> => await stack.stop().finally(release);
    cancel.signal.addEventListener('abort', () => void stop(), { once: true });
    return { ...stack, stop };
  } catch (error) {
    release();
    throw error;
  }
};
