import type { ControlStore } from '../gateway/ports.ts';
import type { Globals } from './command.ts';

/** Runs something with the control store of the namespace. @throws ConfigError when there is none */
export const withStore = async <Result>(
  globals: Globals,
  use: (store: ControlStore) => Promise<Result>,
): Promise<Result> => {
  const [{ readEnvironment, resolveStore, resolveTemporal }, { readDataConfig }, { openStore }] = await Promise.all([
    import('../config.ts'),
    import('./data-config.ts'),
    import('../store/index.ts'),
  ]);
  const config = await readDataConfig(globals);
  const { url } = resolveStore(config.kind === 'data' ? config.config : {});
  const store = await openStore({
    url,
    namespace: resolveTemporal(globals).namespace,
    taskQueue: readEnvironment().HOLDFAST_TASK_QUEUE,
    // Who only looks changes nothing.
    migrate: false,
  });
  try {
    return await use(store);
  } finally {
    await store.close();
  }
};
