import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { endWithParent, readOptions, tell } from '../support/child.ts';
import { callModel, callTool, useModel } from './activities.ts';

endWithParent();
const { address, taskQueue, bundle, modelUrl, maxCachedWorkflows, metrics } = readOptions();
const prometheus =
  metrics === undefined ? {} : { telemetryOptions: { metrics: { prometheus: { bindAddress: metrics } } } };
Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [], ...prometheus });
useModel(modelUrl);
const worker = await Worker.create({
  connection: await NativeConnection.connect({ address }),
  taskQueue,
  workflowBundle: { codePath: bundle },
  activities: { callModel, callTool },
  ...(maxCachedWorkflows === undefined ? {} : { maxCachedWorkflows }),
});
const running = worker.run();
tell({ kind: 'ready' });
await running;
