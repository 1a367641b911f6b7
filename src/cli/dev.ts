import { Command } from 'commander';
import { onCall, wholeNumber, withExamples } from './command.ts';
import type { DevOptions } from './dev-session.ts';
import { EXIT } from './exit-code.ts';

const port = wholeNumber(0, 65_535);

/** `holdfast dev`: the local stack and a worker, until Ctrl-C. */
export const devCommand = (): Command => {
  const command = new Command('dev')
    .summary('run Temporal, a control store and a worker on this machine')
    .description(
      'Runs a Temporal server with its UI, a control store (PostgreSQL) and a worker on this machine until Ctrl-C. The other commands find it by themselves in the same folder. A configured Temporal or control store is used instead.',
    )
    .option('--data <dir>', 'keeps its state there (default: .holdfast)')
    .option('--ephemeral', 'keeps nothing: state in memory and in a temporary folder')
    .option('--port <n>', 'of Temporal; 0 any free one (default: 7233)', port)
    .option('--ui-port <n>', 'of the UI; 0 any free one (default: 8233)', port)
    .option('--store-port <n>', 'of the control store; 0 any free one (default: 7432)', port)
    .option('--no-worker', 'without a worker');
  withExamples(command, ['holdfast dev', 'holdfast dev --ephemeral --port 0 --ui-port 0 --store-port 0 --json']);
  return onCall<DevOptions>(command, async ({ options, globals }) => {
    const { runDev } = await import('./dev-session.ts');
    await runDev(options, globals);
    return EXIT.done;
  });
};
