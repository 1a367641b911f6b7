import type { PendingDecision } from '../domain/decision.ts';
import type { Provenance, Source } from '../domain/origin.ts';
import type { Reason } from '../domain/proposal.ts';
import type { EffectRecord, Outcome, Usage } from '../domain/task.ts';
import type { Paint } from './terminal.ts';
import { oneLine, valueBlock } from './text.ts';

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
    ...(output === undefined && status === 'fallback' ? ['  without output: its agent has no fallback'] : []),
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
