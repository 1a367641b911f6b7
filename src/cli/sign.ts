import { Command, InvalidArgumentError, Option } from 'commander';
import type { TaskHandle } from '../client.ts';
import type { Scope } from '../domain/approval-rule.ts';
import type { DecisionName, PendingDecision } from '../domain/decision.ts';
import { parseDuration } from '../domain/duration.ts';
import { HoldfastError } from '../domain/failures.ts';
import type { JsonObject } from '../domain/json.ts';
import type { DecisionMessage } from '../domain/messages.ts';
import { jsonObject, onCall, withExamples } from './command.ts';
import { withClient } from './connect.ts';
import { EXIT } from './exit-code.ts';
import { UsageError } from './failure.ts';
import { pendingLines } from './pending-lines.ts';
import type { Signer } from './signing.ts';
import { type SigningOptions, signingOptions } from './signing-options.ts';
import { note, notePaint, printJson } from './terminal.ts';
import { oneLine, valueBlock } from './text.ts';

type SignOptions = SigningOptions & {
  readonly args?: JsonObject;
  readonly note?: string;
  readonly reason?: string;
  readonly text?: string;
  readonly scope?: Scope;
  readonly same?: readonly string[];
  readonly lifetime?: number;
};

const DECISIONS: readonly string[] = ['approve', 'deny', 'answer'] satisfies DecisionName[];

/** Which options go with which decision. */
const FITTING: Record<DecisionName, readonly (keyof SignOptions)[]> = {
  approve: ['args', 'note', 'scope', 'same'],
  deny: ['reason'],
  answer: ['text'],
};

const lifetime = (text: string): number => {
  const ms = parseDuration(text);
  if (ms === undefined || ms < 1_000 || ms > 86_400_000) {
    throw new InvalidArgumentError('Expected a duration from 1s to 24h, such as 2h.');
  }
  return ms;
};

const isDecision = (word: string | undefined): word is DecisionName => word !== undefined && DECISIONS.includes(word);

/** `TASK [CALL] DECISION`: the last word decides. */
const readWords = (words: readonly string[]) => {
  const [taskId = '', ...rest] = words;
  const decision = rest.pop();
  if (!isDecision(decision) || rest.length > 1) {
    throw new UsageError(
      'it is not clear what is to be signed.',
      'Write: holdfast sign TASK [CALL] approve|deny|answer',
    );
  }
  return { taskId, name: rest[0], decision };
};

const readContent = (
  decision: DecisionName,
  options: SignOptions,
): Pick<DecisionMessage, 'args' | 'text' | 'scope' | 'same'> => {
  const { args, scope, same } = options;
  const all = Object.values(FITTING).flat();
  const wrong = all.find((option) => options[option] !== undefined && !FITTING[decision].includes(option));
  if (wrong !== undefined)
    throw new UsageError(`--${wrong} does not go with ${decision}.`, `It takes: --${FITTING[decision].join(', --')}`);
  const text = options.note ?? options.reason ?? options.text;
  if (decision === 'answer' && text === undefined) throw new UsageError('an answer needs its text.', 'Add --text TEXT');
  return {
    ...(args === undefined ? {} : { args }),
    ...(text === undefined ? {} : { text }),
    ...(scope === undefined ? {} : { scope }),
    ...(same === undefined ? {} : { same }),
  };
};

type Shown = {
  readonly pending: PendingDecision;
  readonly decision: DecisionName;
  readonly content: ReturnType<typeof readContent>;
  readonly signer: Signer;
};

/** Shows what a signature will stand under: nobody signs what they have not seen. */
const showSigned = ({ pending, decision, content, signer }: Shown): void => {
  for (const line of pendingLines(pending, notePaint)) note(line);
  if (content.args !== undefined)
    note(`  with these in their place\n${valueBlock(content.args, { indent: '    ', max: 40 })}`);
  const by = signer.subject === signer.issuer ? signer.issuer : `${signer.subject}, by the word of ${signer.issuer}`;
  note(notePaint.dim(`  ${oneLine(pending.digest, 80)}`));
  note(`  ${notePaint.bold(decision)} of ${oneLine(pending.id, 40)} signed as ${oneLine(by, 200)}`);
};

/** The question with all of its arguments; without a worker there is only what the list holds. */
const findWhole = async (task: TaskHandle, name: string | undefined): Promise<PendingDecision> => {
  const pending = await task.pendingDecision(name);
  try {
    return await task.pendingDecision(pending.id, { whole: true });
  } catch (error) {
    if (!(error instanceof HoldfastError && error.type === 'Worker.NotReady')) throw error;
    note(notePaint.yellow('No worker answers, so long arguments stand here cut.'));
    return pending;
  }
};

/** A signature under what the task would refuse is of no use to anybody. */
const checkScope = ({ id, scopes = ['once'] }: PendingDecision, scope: Scope = 'once'): void => {
  if (scope !== 'once' && !scopes.includes(scope))
    throw new UsageError(`a yes to ${id} cannot reach as far as "${scope}".`, `Possible: ${scopes.join(', ')}`);
};

const sign = async (words: readonly string[], options: SignOptions, globals: Parameters<typeof withClient>[0]) => {
  const { taskId, name, decision } = readWords(words);
  const content = readContent(decision, options);
  const { readSigner, signedPayload } = await import('./signing.ts');
  const signer = readSigner(options);
  if (signer === undefined) {
    throw new UsageError(
      'there is no key to sign with.',
      'Add --key FILE, or set HOLDFAST_KEY; `holdfast keys new` makes one.',
    );
  }
  await withClient(globals, async (client) => {
    const pending = await findWhole(client.handle(taskId), name);
    if (!pending.may.includes(decision)) {
      throw new UsageError(`${pending.id} does not take ${decision}.`, `It takes: ${pending.may.join(', ')}`);
    }
    checkScope(pending, content.scope);
    showSigned({ pending, decision, content, signer });
    const { namespace } = client;
    const payload = await signedPayload({
      pending,
      decision,
      content,
      namespace,
      signer,
      lifetimeMs: options.lifetime,
    });
    note(
      `  Send this as the input of ${notePaint.bold(`${decision} ${pending.id.replace('-', ' ')}`)}, as signal or update:`,
    );
    printJson({ id: pending.id, ...payload });
  });
  return EXIT.done;
};

/** `holdfast sign TASK [CALL] approve|deny|answer`: a signed decision, to be sent by whoever reaches the server. */
export const signCommand = (): Command => {
  const command = new Command('sign')
    .summary('sign a decision, to send it from the Temporal UI')
    .description(
      'Shows what waits, signs a decision about exactly that, and prints the input for the signal or update that sends it. Sends nothing itself.',
    )
    .usage('<task> [call] approve|deny|answer [options]')
    .argument('<words...>', 'task id; the decision or its call, where several are pending; approve, deny or answer')
    .option('--args <json>', 'with these arguments instead: all of them, as an object', jsonObject)
    .option('--note <text>', 'with approve: recorded with the decision')
    .option('--reason <text>', 'with deny: goes to the agent')
    .option('--text <text>', 'with answer: the answer')
    .addOption(
      new Option('--scope <scope>', 'with approve: how far the yes reaches').choices(['once', 'values', 'tool']),
    )
    .option('--same <pointers...>', 'with --scope values: JSON pointers of the arguments that must stay the same')
    .option('--lifetime <duration>', 'how long it counts, up to 24h (default: 1h)', lifetime);
  for (const option of signingOptions()) command.addOption(option);
  withExamples(command, [
    'holdfast sign refund-17 approve --key ana.key.json --note "as agreed"',
    'holdfast sign refund-17 s3.c1 deny --reason "refunded last week"',
  ]);
  return onCall<SignOptions>(command, async ({ options, globals }) => {
    const words = command.processedArgs.flat().filter((each): each is string => typeof each === 'string');
    return await sign(words, options, globals);
  });
};
