import { Command } from 'commander';
import { onCall, withExamples } from './command.ts';
import { EXIT } from './exit-code.ts';
import { paint, print, printJson } from './terminal.ts';
import { clean, oneLine } from './text.ts';

const MARKS = { ok: paint.green('✓'), warn: paint.yellow('!'), fail: paint.red('✗') } as const;

/** `holdfast doctor`: says what is missing for a task to run, and how to cure it. */
export const doctorCommand = (): Command => {
  const command = new Command('doctor')
    .summary('check configuration, connection and workers')
    .description(
      'Checks what a first task needs: Node.js, configuration (never run), Temporal, namespace, search attributes, a worker, keys, the control store. Exit code 1 when something is broken.',
    );
  withExamples(command, ['holdfast doctor', 'holdfast doctor --json | jq \'.checks[] | select(.status != "ok")\'']);
  return onCall(command, async ({ globals }) => {
    const { runChecks } = await import('./doctor-checks.ts');
    const checks = await runChecks(globals);
    const isOk = checks.every(({ status }) => status !== 'fail');
    if (globals.json) printJson({ ok: isOk, checks });
    else {
      for (const { name, status, message, fix } of checks) {
        print(`${MARKS[status]} ${name.padEnd(18)} ${oneLine(message, 400)}`);
        for (const line of fix) print(`    ${clean(line)}`);
      }
    }
    return isOk ? EXIT.done : EXIT.failed;
  });
};
