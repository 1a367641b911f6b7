import { assertNever } from '../domain/assert-never.ts';
import { wordsFor } from '../domain/compensation.ts';
import type { PendingDecision } from '../domain/decision.ts';
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

/** Everything a person needs to decide: arguments first, then why it is asked, then the agent's own words. */
export const pendingLines = (pending: PendingDecision, paint: Paint): string[] => {
  const { args, reasons, decision, question, kind } = pending;
  const dim = (label: string): string => `  ${paint.dim(label.padEnd(10))} `;
  return [
    `${paint.yellow('?')} ${paint.bold(askedOf(pending))}  ${paint.dim(oneLine(pending.id, 40))}`,
    ...(question === undefined ? [] : [block(question, { indent: '    ' })]),
    ...(kind === 'answer' || args === undefined ? [] : [valueBlock(args, { indent: '    ', max: 30 })]),
    ...reasons.map(({ message }) => `${dim('asked for')}${oneLine(message, 300)}`),
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
  const commands = may.includes('answer')
    ? [`holdfast answer ${shellWord(taskId)} 'TEXT' --id ${shellWord(id)}`]
    : [
        `holdfast approve ${shellWord(taskId)} ${shellWord(id)}`,
        `holdfast deny ${shellWord(taskId)} ${shellWord(id)} --reason 'WHY'`,
      ];
  return [
    ...commands.map((command) => `    ${paint.cyan(command)}`),
    `    ${paint.dim(`or in any Temporal client the signal ${JSON.stringify(`${may.includes('answer') ? 'answer' : 'approve'} ${oneLine(signal, 40)}`)}`)}`,
    ...(page === null ? [] : [`    ${paint.dim(`or in the UI: ${page}`)}`]),
  ];
};
