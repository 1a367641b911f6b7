import type { SearchAttributeName } from '../domain/task.ts';
import type { DevFolder } from './dev-folder.ts';
import { checkExternalTemporal } from './external-temporal.ts';
import { StackError } from './stack-error.ts';
import type { StackSettings } from './stack-options.ts';
import { findTemporalBinary } from './temporal-binary.ts';
import { startTemporalServer } from './temporal-server.ts';

/** The stack's Temporal: one that was started, or the configured one. */
export type StackTemporal = {
  readonly address: string;
  readonly ui: string | null;
  readonly pid: number | null;
  readonly missing: readonly SearchAttributeName[];
  stop(): Promise<void>;
};

const useExternal = async (settings: StackSettings, address: string): Promise<StackTemporal> => {
  const { connection, namespace, onProgress, signal } = settings;
  const missing = await checkExternalTemporal({ address, connection, namespace, onProgress, signal });
  return { address, ui: null, pid: null, missing, stop: async () => undefined };
};

const startServer = async (settings: StackSettings, folder: DevFolder): Promise<StackTemporal> => {
  const { ephemeral, namespace, port, uiPort, signal, cacheDir, onProgress, onServerExit } = settings;
  const { path, version } = await findTemporalBinary({ onProgress, signal, cacheDir });
  let isStopping = false;
  onProgress(`starting Temporal (${path}, ${version})`);
  const server = await startTemporalServer({
    binary: path,
    dataDir: ephemeral ? null : folder.dir,
    namespace,
    port,
    uiPort,
    signal,
    log: (line) => {
      if (!isStopping) onProgress(`temporal: ${line}`);
    },
    onSpawn: async (mark) => await folder.recordChild(mark),
  });
  const watch = async (): Promise<void> => {
    const how = await server.exited;
    if (!isStopping) onServerExit(new StackError(`The Temporal server at ${server.address} ${how}`));
  };
  void watch();
  return {
    address: server.address,
    ui: server.ui,
    pid: server.pid,
    missing: [],
    stop: async () => {
      isStopping = true;
      await server.stop();
    },
  };
};

/** Starts a Temporal server, or checks the configured one. @throws StackError; the signal's reason when aborted */
export const startStackTemporal = async (settings: StackSettings, folder: DevFolder): Promise<StackTemporal> =>
  settings.address === undefined ? await startServer(settings, folder) : await useExternal(settings, settings.address);
