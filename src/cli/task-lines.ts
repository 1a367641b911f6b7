import { assertNever } from '../domain/assert-never.ts';
import { wordsFor } from '../domain/compensation.ts';
import type { PendingDecision } from '../domain/decision.ts';
import type { Provenance, Source } from '../domain/origin.ts';
import type { Reason } from '../domain/proposal.ts';
import type { EffectRecord, Outcome, Usage } from '../domain/task.ts';
import type { Paint } from './terminal.ts';
import { block, brief, briefArgs, oneLine, shellWord, valueBlock } from './text.ts';

type Colour = 'green' | 'yellow' | 'red' | 'cyan' | 'dim';

const STATUS_COLOURS: Record<string, Colour> = {
  completed: 'green',
  succeeded: 'green',
  replayed: 'green',
  running: 'cyan',
  waiting: 'yellow',
  paused: 'yellow',
  unknown: 'yellow',
  compensating: 'yellow',
  compensated: 'dim',
  nothing: 'dim',
  none: 'dim',
  shared: 'yellow',
};

/** A status in its colour. */
export const statusWord = (status: string, paint: Paint): string =>
  paint[STATUS_COLOURS[status] ?? 'red'](oneLine(status, 30));

/** What was used, on one line. */
export const usageLine = ({ steps, toolCalls, inputTokens, outputTokens, costUsd }: Usage): string => {
  const cost = costUsd > 0 ? ` · ${costUsd.toFixed(4)} USD` : '';
  const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;
  return `${count(steps, 'step')} · ${count(toolCalls, 'tool call')} · ${inputTokens} + ${outputTokens} tokens${cost}`;
};

/** Effects, a line each. */
export const effectLines = (
  effects: readonly (Pick<EffectRecord, 'callId' | 'tool'> & { readonly status: string })[],
  paint: Paint,
): string[] =>
  effects.map(
    ({ callId, tool, status }) => `  ${oneLine(callId, 20)} ${oneLine(tool, 60)}: ${statusWord(status, paint)}`,
  );

/** How a task ended: status, reason, output, usage, effects. */
export const outcomeLines = (outcome: Outcome, paint: Paint): string[] => {
  const { status, reason, output, usage, effects, denied = [] } = outcome;
  return [
    `${status === 'completed' ? paint.green('✓') : paint.red('✗')} ${paint.bold(statusWord(status, paint))}${reason === undefined ? '' : `: ${oneLine(reason, 600)}`}`,
    ...(output === undefined ? [] : [valueBlock(output, { indent: '  ', max: 40 })]),
    ...(effects.length === 0 ? [] : [paint.dim('effects'), ...effectLines(effects, paint)]),
    ...(denied.length === 0 ? [] : [paint.dim('refused by a person'), ...deniedLines(denied)]),
    paint.dim(usageLine(usage)),
  ];
};

const deniedLines = (denied: NonNullable<Outcome['denied']>): string[] =>
  denied.map(
    ({ callId, tool, reason }) =>
      `  ${oneLine(callId, 20)} ${oneLine(tool, 60)}${reason === undefined ? '' : `: ${oneLine(reason, 300)}`}`,
  );

/** What is asked, in a few words. */
const askedOf = (pending: PendingDecision): string => {
  const { kind, tool, args, question } = pending;
  switch (kind) {
    case 'approval':
      return `approve ${oneLine(tool, 60)}(${briefArgs(args, 120)})`;
    case 'answer':
      return `answer: ${oneLine(question ?? '', 160)}`;
    case 'review':
      return `review ${oneLine(question ?? tool, 160)}`;
    case 'effect':
      return `say whether ${oneLine(tool, 60)}(${briefArgs(args, 100)}) happened`;
    case 'compensation':
      return `${wordsFor(pending).heading}${tool === '' ? '' : ` (${oneLine(tool, 60)})`}`;
    default:
      return assertNever(kind);
  }
};

/** Where values came from, in words; `model` alone would be read as a model that returned it. */
const ORIGINS: Record<Source, string> = {
  untrusted: 'untrusted text',
  model: 'the agent’s own',
  trusted: 'trusted text',
  principal: 'the task’s words',
};

const MAX_ORIGINS = 12;

/** Where values came from, those that matter: not the principal's own words. */
export const originsText = (provenance: Provenance, sources: PendingDecision['sources'] = {}): string =>
  Object.entries(provenance)
    .filter(([, { source }]) => source !== 'principal')
    .slice(0, MAX_ORIGINS)
    .map(([path, { source, item }]) => {
      const tool = item === undefined ? undefined : sources[item]?.tool;
      const of =
        item === undefined ? '' : ` (${oneLine(item, 20)}${tool === undefined ? '' : ` ${oneLine(tool, 60)}`})`;
      return `${oneLine(path, 60)} ${ORIGINS[source]}${of}`;
    })
    .join(', ');

/** A reason with the rule that it comes from. */
export const reasonText = ({ message, policy }: Reason): string =>
  `${oneLine(message, 300)}${policy === undefined || message.includes(policy) ? '' : ` [${oneLine(policy, 60)}]`}`;

/** Everything a person needs to decide: arguments first, then why it is asked, then the agent's own words. */
export const pendingLines = (pending: PendingDecision, paint: Paint): string[] => {
  const { args, reasons, decision, question, kind } = pending;
  const from = originsText(pending.provenance ?? {}, pending.sources);
  const dim = (label: string): string => `  ${paint.dim(label.padEnd(10))} `;
  return [
    `${paint.yellow('?')} ${paint.bold(askedOf(pending))}  ${paint.dim(oneLine(pending.id, 40))}`,
    ...(question === undefined ? [] : [block(question, { indent: '    ' })]),
    ...(kind === 'answer' || args === undefined ? [] : [valueBlock(args, { indent: '    ', max: 30 })]),
    ...(pending.output === undefined ? [] : [dim('returned'), valueBlock(pending.output, { indent: '    ', max: 12 })]),
    ...reasons.map((each) => `${dim('because')}${reasonText(each)}`),
    ...(from === '' ? [] : [`${dim('from')}${from}`]),
    ...(decision === undefined
      ? []
      : [
          `${dim('agent says')}${oneLine(decision.rationale, 400)} ${paint.dim(`(confidence ${brief(decision.confidence, 8)})`)}`,
        ]),
    ...(decision?.alternatives ?? [])
      .slice(0, 5)
      .map(
        ({ action, rejectedBecause }) =>
          `${dim('instead of')}${oneLine(action, 120)}: ${oneLine(rejectedBecause, 200)}`,
      ),
  ];
};

/** How to decide: the command, the signal, the page. */
export const decideLines = (pending: PendingDecision, paint: Paint, page: string | null): string[] => {
  const { id, taskId, may } = pending;
  const signal = id.replace('-', ' ');
  const { yes, no } = wordsFor(pending);
  const isEffect = pending.kind === 'effect';
  const commands = may.includes('answer')
    ? [['Answer', `holdfast answer ${shellWord(taskId)} 'TEXT' --id ${shellWord(id)}`] as const]
    : [
        [
          yes,
          `holdfast approve ${shellWord(taskId)} ${shellWord(id)}${isEffect ? " [--args 'WHAT IT RETURNED']" : ''}`,
        ] as const,
        [no, `holdfast deny ${shellWord(taskId)} ${shellWord(id)} --reason 'WHY'`] as const,
      ];
  const width = Math.max(...commands.map(([words]) => words.length));
  return [
    ...commands.map(([words, command]) => `    ${`${words}:`.padEnd(width + 1)} ${paint.cyan(command)}`),
    `    ${paint.dim(`or in any Temporal client the signal ${JSON.stringify(`${may.includes('answer') ? 'answer' : 'approve'} ${oneLine(signal, 40)}`)}`)}`,
    ...(page === null ? [] : [`    ${paint.dim(`or in the UI: ${page}`)}`]),
  ];
};
