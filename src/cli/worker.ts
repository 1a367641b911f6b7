import { Command } from 'commander';
import { onCall, withExamples } from './command.ts';
import { EXIT } from './exit-code.ts';

/** `holdfast worker`: serves agents until it is told to stop. */
export const workerCommand = (): Command => {
  const command = new Command('worker')
    .summary('serve the agents of a configuration')
    .description(
      'Serves the agents of a configuration until SIGTERM or SIGINT; what is running then gets ten seconds, a second signal ends it at once. Settings: HOLDFAST_LOG=json|pretty, HOLDFAST_LOG_LEVEL, HOLDFAST_HEALTH=HOST:PORT (GET /health), HOLDFAST_TASK_QUEUE, HOLDFAST_HEARTBEAT_TIMEOUT, HOLDFAST_STICKY_TIMEOUT.',
    );
  withExamples(command, ['HOLDFAST_HEALTH=0.0.0.0:8080 holdfast worker --config holdfast.config.ts']);
  return onCall(command, async ({ globals }) => {
    const { serveWorker } = await import('../worker-process.ts');
    await serveWorker(globals);
    return EXIT.done;
  });
};
