import { Command, Option } from 'commander';
import type { Scope } from '../domain/approval-rule.ts';
import type { PendingDecision } from '../domain/decision.ts';
import { defined } from '../domain/defined.ts';
import type { JsonObject } from '../domain/json.ts';
import { sendAndPrint } from './acknowledged.ts';
import { parseShare } from './allow.ts';
import { type Globals, jsonObject, onCall, withExamples } from './command.ts';
import type { ExitCode } from './exit-code.ts';
import { UsageError } from './failure.ts';
import { readIdentity } from './identity.ts';
import { type Identity, type Said, sendDecision } from './sending.ts';
import { type SigningOptions, signingOptions } from './signing-options.ts';
import { oneLine } from './text.ts';
import { readToken } from './token.ts';

const CALL = 'the decision or its call, such as s3.c1-7f3a or s3.c1; may be left out where one is pending';

type ProofOptions = SigningOptions & { readonly token?: string; readonly by?: string };

/** Options that say who decides. */
const withProof = (command: Command): Command => {
  command
    .option('--by <name>', 'who decides (default: your name here); a claim: nothing proves it')
    .option(
      '--token <jwt>',
      'a decision that was signed elsewhere, as `holdfast sign` prints it; - reads it from stdin',
    );
  for (const option of signingOptions()) command.addOption(option);
  return command;
};

type Named = { readonly taskId: string; readonly callId: string | undefined; readonly said: Said };

/** What a decision is sent with. A signed one covers all that is said, so what was signed with it is sent along. */
const withIdentity = async (
  named: Named,
  options: ProofOptions,
): Promise<{ readonly named: Named; readonly identity: Identity }> => {
  const { token, key, issuer, subject, by } = options;
  if (token === undefined) return { named, identity: await readIdentity(options) };
  if (key !== undefined || issuer !== undefined || subject !== undefined)
    throw new UsageError('--token and a key cannot stand together.', 'A token is signed already: leave the key out.');
  const signed = await readToken(token);
  const said = { ...signed.said, ...defined(named.said), name: named.said.name };
  return { named: { ...named, said, callId: named.callId ?? signed.id }, identity: { token: signed.token, by } };
};

/** Looks at the question before anything is sent. @throws UsageError where it is not what the sender takes it for */
type Check = (pending: PendingDecision) => void;

const decide = async (
  globals: Globals,
  { check, ...named }: Named & { readonly check?: Check },
  options: ProofOptions,
): Promise<ExitCode> => {
  const outgoing = await withIdentity(named, options);
  return await sendAndPrint(globals, named.taskId, async (task, client) => {
    if (check !== undefined) check(await task.pendingDecision(outgoing.named.callId));
    return await sendDecision(client, outgoing.named, outgoing.identity);
  });
};

/** A share is no argument of a tool: taken for one, it would be refused in words about arguments, or run. */
const mustTakeShare: Check = ({ id, kind, may, tool }) => {
  if (kind === 'review' && may.includes('edit')) return;
  const what = tool === '' ? 'no budget' : `the call of ${oneLine(tool, 60)}, and no budget`;
  throw new UsageError(
    `--allow goes with questions about a budget; ${oneLine(id, 40)} is about ${what}.`,
    may.includes('edit') ? 'To change what the call runs with, give --args.' : 'Leave --allow out.',
  );
};

type ApproveOptions = ProofOptions & {
  readonly args?: JsonObject;
  readonly allow?: JsonObject;
  readonly note?: string;
  readonly scope?: Scope;
  readonly same?: readonly string[];
};

const toApproval = ({ args, allow, note, scope, same }: ApproveOptions): Said => {
  if (args !== undefined && allow !== undefined)
    throw new UsageError('--args and --allow cannot stand together.', 'Both say what is allowed: give one of them.');
  if (same !== undefined && scope !== 'values')
    throw new UsageError('--same goes with --scope values.', 'Write: --scope values --same /orderId, say.');
  return { name: 'approve', args: args ?? allow, text: note, scope, same };
};

/** `holdfast approve TASK [CALL]`. */
export const approveCommand = (): Command => {
  const command = withProof(
    new Command('approve')
      .summary('let a call run')
      .description(
        'Lets a call run. Of an effect whose result is unknown it says that it happened; about undoing: yes, or done by hand; about a budget: go on.',
      )
      .argument('<task>', 'task id')
      .argument('[call]', CALL)
      .option(
        '--args <json>',
        'run it with these arguments instead: all of them, as an object; of an unknown effect: what it returned',
        jsonObject,
      )
      .option('--allow <amounts>', 'of a budget: allow this much further, such as costUsd=1,steps=10', parseShare)
      .option('--note <text>', 'recorded with the decision')
      .addOption(
        new Option(
          '--scope <scope>',
          'how far the yes reaches within the task: this call, further calls with the same values, every call of the tool',
        ).choices(['once', 'values', 'tool']),
      )
      .option(
        '--same <pointers...>',
        'with --scope values: the arguments that have to stay the same, as JSON pointers',
      ),
  );
  withExamples(command, [
    'holdfast approve refund-17',
    'holdfast approve refund-17 s3.c1 --args \'{"orderId":"17","amount":20}\' --note "half of it"',
    'holdfast approve refund-17 s3.c1 --scope values --same /orderId',
    'holdfast approve refund-17 s3.c1 --key ana.key.json',
    'holdfast approve report-4 --allow costUsd=1,steps=10',
  ]);
  return onCall<ApproveOptions>(
    command,
    async ({ args: [taskId = '', callId], options, globals }) =>
      await decide(
        globals,
        {
          taskId,
          callId,
          said: toApproval(options),
          ...(options.allow === undefined ? {} : { check: mustTakeShare }),
        },
        options,
      ),
  );
};

/** `holdfast deny TASK [CALL]`. */
export const denyCommand = (): Command => {
  const command = withProof(
    new Command('deny')
      .summary('refuse a call')
      .description(
        'Refuses a call; the reason goes to the agent. Of an effect whose result is unknown it says that it did not happen; about undoing: leave it; about a budget: stop here.',
      )
      .argument('<task>', 'task id')
      .argument('[call]', CALL)
      .requiredOption('--reason <text>', 'goes to the agent'),
  );
  withExamples(command, ['holdfast deny refund-17 --reason "the order was refunded last week"']);
  return onCall<ProofOptions & { readonly reason: string }>(
    command,
    async ({ args: [taskId = '', callId], options, globals }) =>
      await decide(globals, { taskId, callId, said: { name: 'deny', text: options.reason } }, options),
  );
};

/** `holdfast answer TASK TEXT`. */
export const answerCommand = (): Command => {
  const command = withProof(
    new Command('answer')
      .summary('answer a question of the agent')
      .description('Answers a question of the agent.')
      .argument('<task>', 'task id')
      .argument('<text>', 'the answer')
      .option('--id <id>', 'the question; may be left out where one is pending'),
  );
  withExamples(command, ['holdfast answer refund-17 "order 18, not 17"']);
  return onCall<ProofOptions & { readonly id?: string }>(
    command,
    async ({ args: [taskId = '', text = ''], options, globals }) =>
      await decide(globals, { taskId, callId: options.id, said: { name: 'answer', text } }, options),
  );
};
