import { Command, CommanderError } from 'commander';
import { auditCommand } from './audit.ts';
import { compensateCommand } from './compensate.ts';
import { cancelCommand, pauseCommand, resumeCommand } from './control.ts';
import { answerCommand, approveCommand, denyCommand } from './decide.ts';
import { decisionsCommand } from './decisions.ts';
import { devCommand } from './dev.ts';
import { doctorCommand } from './doctor.ts';
import { EXIT } from './exit-code.ts';
import { reportFailure } from './failure.ts';
import { inboxCommand } from './inbox.ts';
import { initCommand } from './init.ts';
import { keysCommand } from './keys.ts';
import { listCommand } from './list.ts';
import { mcpCommand } from './mcp.ts';
import { policyCommand } from './policy.ts';
import { replayCommand } from './replay.ts';
import { revokeCommand } from './revoke.ts';
import { runCommand } from './run.ts';
import { schemaCommand } from './schema.ts';
import { showCommand } from './show.ts';
import { signCommand } from './sign.ts';
import { notePaint, printJson } from './terminal.ts';
import { traceCommand } from './trace.ts';
import { readVersion } from './version.ts';
import { workerCommand } from './worker.ts';

const GROUPS: Record<string, readonly (() => Command)[]> = {
  'Start:': [initCommand, devCommand, workerCommand, doctorCommand],
  'Tasks:': [runCommand, listCommand, showCommand, pauseCommand, resumeCommand, cancelCommand, compensateCommand],
  'Decisions:': [inboxCommand, approveCommand, denyCommand, answerCommand, revokeCommand, signCommand, keysCommand],
  'What happened and why:': [traceCommand, replayCommand, auditCommand, decisionsCommand],
  'Reference:': [policyCommand, mcpCommand, schemaCommand],
};

const EXIT_CODES = `
Exit codes:
  0    done
  1    bad input, or something cannot be reached
  2    the task ended in another status than "completed"
  3    the task waits for a person, and --no-wait was given
  130  interrupted; the task itself goes on

Environment: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and the other settings of Temporal's own configuration;
HOLDFAST_DEBUG=1 adds stack traces to errors.`;

/** Settings of the program for a command and those below it. */
const inherit = (command: Command, program: Command): Command => {
  for (const inner of command.commands) inherit(inner, program);
  return command.copyInheritedSettings(program);
};

/** The whole command line. */
export const buildProgram = (): Command => {
  const program = new Command('holdfast')
    .description('Durable AI agents on Temporal: every proposal is judged, recorded and can wait for a person.')
    .version(readVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .option('--config <file>', 'configuration (default: the nearest holdfast.config.*)')
    .option('--address <host:port>', 'Temporal server (default: environment, then the `holdfast dev` of this folder)')
    .option('--namespace <name>', 'Temporal namespace')
    .option('--json', 'machine output on stdout, everything else on stderr')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error:/, notePaint.red('error:'))) })
    .addHelpText('after', EXIT_CODES)
    .showHelpAfterError('(add --help for what is possible)')
    .exitOverride();
  for (const [group, commands] of Object.entries(GROUPS)) {
    program.commandsGroup(group);
    for (const build of commands) program.addCommand(inherit(build(), program));
  }
  program.addHelpCommand(
    new Command('help').argument('[command]').description('print the help of a command').helpGroup('Reference:'),
  );
  return program;
};

const reportUsage = (error: CommanderError, json: boolean): number => {
  if (error.exitCode === 0) return EXIT.done;
  // Commander has written its message to stderr already.
  if (json)
    printJson({
      error: {
        type: 'Usage',
        message: error.message.replace(/^error: /, ''),
        help: 'Add --help for what is possible.',
      },
    });
  return EXIT.failed;
};

/** Runs a command line; sets the exit code and never throws. */
export const runCli = async (argv: readonly string[]): Promise<void> => {
  const json = argv.includes('--json');
  // A reader that went away (`holdfast list | head`) is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  try {
    await buildProgram().parseAsync(argv);
  } catch (error) {
    process.exitCode = error instanceof CommanderError ? reportUsage(error, json) : reportFailure(error, { json });
  }
  // Everything is closed by now; a socket that lingers must not hold the prompt back.
  setTimeout(() => process.exit(), 1_000).unref();
};
