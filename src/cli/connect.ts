import type { AgentClient } from '../client.ts';
import { type DevFile, readDevFile, resolveTemporal } from '../config.ts';
import type { Globals } from './command.ts';

const given = ({ address, namespace }: Globals) => ({
  ...(address === undefined ? {} : { address }),
  ...(namespace === undefined ? {} : { namespace }),
});

/** Runs something with a client, and closes it. @throws ConfigError when the server cannot be reached */
export const withClient = async <T>(globals: Globals, use: (client: AgentClient) => Promise<T>): Promise<T> => {
  // Loaded only now: `--help` and bad input need no gRPC.
  const { AgentClient } = await import('../client.ts');
  await using client = await AgentClient.connect(given(globals));
  return await use(client);
};

/** The `holdfast dev` of this folder, if it is the server that a command talks to. */
const usedDev = (globals: Globals): DevFile | undefined => {
  const dev = readDevFile();
  return dev !== undefined && resolveTemporal(given(globals)).address === dev.temporal.address ? dev : undefined;
};

/** The page of a task in the Temporal UI; null where nobody says where that is. */
export const taskPage = (globals: Globals, taskId: string): string | null => {
  const ui = usedDev(globals)?.ui;
  if (ui === undefined || ui === null) return null;
  const { namespace } = resolveTemporal(given(globals));
  return `${ui}/namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(taskId)}`;
};

// A poll lasts up to a minute, and the server remembers those of the last five.
const POLLED_SINCE_MS = 75_000;

/** How many workers poll a task queue; one that stopped counts for another minute. */
export const countPollers = async (client: AgentClient, taskQueue: string): Promise<number> => {
  const { pollers } = await client.temporal.workflowService.describeTaskQueue({
    namespace: client.temporal.options.namespace,
    taskQueue: { name: taskQueue },
    taskQueueType: 1,
  });
  return (pollers ?? []).filter(
    ({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0) * 1_000 > Date.now() - POLLED_SINCE_MS,
  ).length;
};
