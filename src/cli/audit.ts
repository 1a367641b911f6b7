import { Command, Option } from 'commander';
import { HoldfastError } from '../domain/failures.ts';
import type { AuditLog } from '../gateway/ports.ts';
import type { AuditReport } from './audit-report.ts';
import { onCall, withExamples } from './command.ts';
import { withClient } from './connect.ts';
import { EXIT } from './exit-code.ts';
import { paint, print, printJson } from './terminal.ts';
import { clean } from './text.ts';
import { withStore } from './with-store.ts';

const CHAIN_ONLY =
  'There is no event history (any more): the chain was checked in itself. Whoever can write the database can make it anew.';

const reportLines = ({ ok, checked, lives }: AuditReport): readonly string[] => [
  ...lives.flatMap(({ epoch, entries, anchors, problems }) => [
    `${problems.length === 0 ? paint.green('✓') : paint.red('✗')} ${clean(epoch)}: ${entries} entries, ${anchors} anchors in the event history`,
    ...problems.map(({ problem }) => `    ${clean(problem)}`),
  ]),
  ...(lives.length === 0 ? ['nothing was recorded yet'] : []),
  ...(checked === 'chain' ? [CHAIN_ONLY] : []),
  ok ? 'every entry is as it was written' : 'this trail is not what was written',
];

const verifyCommand = (): Command => {
  const command = new Command('verify')
    .summary('find out whether an audit trail was tampered with')
    .description(
      'Checks the audit trail of a task: its chain of hashes, and the hashes in the event history of the task. Names every entry that was changed, removed (the last ones too), put in or moved. Exit code 1 when there is one.',
    )
    .argument('<task>', 'task id');
  withExamples(command, [
    'holdfast audit verify refund-17',
    "holdfast audit verify refund-17 --json | jq '.lives[].problems[]'",
  ]);
  return onCall(command, async ({ args: [taskId = ''], globals }) => {
    const { readAuditAnchors } = await import('../timeline/audit-anchors.ts');
    const { verifyTask } = await import('./audit-report.ts');
    const history = await withClient(globals, async ({ temporal }) => await readAuditAnchors(temporal, taskId));
    const report = await withStore(globals, async ({ audit }) => await verifyTask(audit, taskId, history));
    if (globals.json) printJson(report);
    else for (const line of reportLines(report)) print(line);
    return report.ok ? EXIT.done : EXIT.failed;
  });
};

const exportTrails = async (log: AuditLog, taskId: string): Promise<void> => {
  const { readTrail } = await import('./audit-report.ts');
  const epochs = await log.epochs(taskId);
  if (epochs.length === 0)
    throw new HoldfastError('Task.NotFound', `there is no audit trail of ${JSON.stringify(taskId)}.`);
  for (const epoch of epochs)
    for await (const row of readTrail(log, { taskId, epoch })) printJson({ taskId, epoch, ...row });
};

const exportCommand = (): Command => {
  const command = new Command('export')
    .summary('print an audit trail')
    .description(
      'Prints the audit trail of a task, oldest entry first: one JSON object a line, with the hash of each entry. It is printed as it stands; `verify` checks it.',
    )
    .argument('<task>', 'task id')
    .addOption(new Option('--format <format>', 'how it is written').choices(['jsonl']).default('jsonl'));
  withExamples(command, ['holdfast audit export refund-17 > refund-17.audit.jsonl']);
  return onCall(command, async ({ args: [taskId = ''], globals }) => {
    await withStore(globals, async ({ audit }) => await exportTrails(audit, taskId));
    return EXIT.done;
  });
};

/** `holdfast audit`: the record of every decision and attempt. */
export const auditCommand = (): Command => {
  const command = new Command('audit')
    .summary('check or print the audit trail of a task')
    .description(
      'The audit trail has an entry for every decision and every attempt: who, what, by which rules, approved by whom, with what outcome.',
    );
  withExamples(command, ['holdfast audit verify refund-17', 'holdfast audit export refund-17']);
  return command.addCommand(verifyCommand()).addCommand(exportCommand());
};
