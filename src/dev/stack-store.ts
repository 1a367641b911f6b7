import type { DevFolder } from './dev-folder.ts';
import { inspectStore, MINIMUM_VERSION, withoutPassword } from './inspect-store.ts';
import { LOOPBACK } from './ports.ts';
import { startPostgres } from './postgres.ts';
import { reasonOf, StackError } from './stack-error.ts';
import type { StackSettings } from './stack-options.ts';

/** The stack's control store: one that was started, or the configured one. */
export type StackStore = { readonly url: string; stop(): Promise<void> };

const useExternal = async (url: string, signal: AbortSignal): Promise<StackStore> => {
  const { version } = await inspectStore(url).catch((error: unknown) => {
    signal.throwIfAborted();
    throw new StackError(
      `The configured control store at ${withoutPassword(url)} does not answer: ${reasonOf(error)}. ` +
        'Start it, correct the URL, or remove it (HOLDFAST_STORE_URL, store.url) to run one here.',
      { cause: error },
    );
  });
  if (version.major < MINIMUM_VERSION)
    throw new StackError(
      `The configured control store at ${withoutPassword(url)} is PostgreSQL ${version.text}; Holdfast needs ${MINIMUM_VERSION} or later.`,
    );
  return { url, stop: async () => undefined };
};

const startServer = async (settings: StackSettings, folder: DevFolder): Promise<StackStore> => {
  const { ephemeral, storePort, signal, onProgress, onServerExit } = settings;
  let isStopping = false;
  onProgress('starting the control store (PostgreSQL)');
  const server = await startPostgres({
    dataDir: ephemeral ? null : folder.dir,
    port: storePort,
    signal,
    log: (line) => {
      if (!isStopping) onProgress(`store: ${line}`);
    },
    onSpawn: async (mark) => await folder.recordChild(mark),
  });
  const watch = async (): Promise<void> => {
    const how = await server.exited;
    if (!isStopping)
      onServerExit(new StackError(`The control store (PostgreSQL) at ${LOOPBACK}:${server.port} ${how}`));
  };
  void watch();
  return {
    url: server.url,
    stop: async () => {
      isStopping = true;
      await server.stop();
    },
  };
};

/** Starts a PostgreSQL, or checks the configured one. @throws StackError; the signal's reason when aborted */
export const startStackStore = async (settings: StackSettings, folder: DevFolder): Promise<StackStore> =>
  settings.store === undefined
    ? await startServer(settings, folder)
    : await useExternal(settings.store, settings.signal);
