import type { AgentClient } from '../client.ts';
import { type DevFile, readDevFile, readEnvironment, resolveTemporal } from '../config.ts';
import type { Globals } from './command.ts';

const given = ({ address, namespace }: Globals) => ({
  ...(address === undefined ? {} : { address }),
  ...(namespace === undefined ? {} : { namespace }),
});

/** Runs something with a client, and closes it. @throws ConfigError when the server cannot be reached */
export const withClient = async <T>(globals: Globals, use: (client: AgentClient) => Promise<T>): Promise<T> => {
  // Loaded only now: `--help` and bad input need no gRPC.
  const { AgentClient } = await import('../client.ts');
  const { HOLDFAST_TASK_QUEUE: taskQueue } = readEnvironment();
  await using client = await AgentClient.connect({ ...given(globals), taskQueue });
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

/** How many workers polled a task queue in the last minutes. */
export const countPollers = async (client: AgentClient, taskQueue: string): Promise<number> => {
  const { pollers } = await client.temporal.workflowService.describeTaskQueue({
    namespace: client.temporal.options.namespace,
    taskQueue: { name: taskQueue },
    taskQueueType: 1,
  });
  return pollers?.length ?? 0;
};
