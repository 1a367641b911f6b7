import type { StepPrompt } from '../client.ts';
import { assertNever } from '../domain/assert-never.ts';
import { isRecord } from '../domain/json.ts';
import type { Trace, TracedCall, TracedStep } from '../domain/trace.ts';
import type { TranscriptItem } from '../domain/transcript.ts';
import { eventText } from './event-text.ts';
import { humanText } from './human-text.ts';
import { standingLines } from './standing-lines.ts';
import { originsText, outcomeLines, reasonText, statusWord, usageLine } from './task-lines.ts';
import type { Paint } from './terminal.ts';
import { block, brief, clean, oneLine, span, valueBlock } from './text.ts';

const texts = (value: unknown): string[] => (Array.isArray(value) ? value.map((each) => oneLine(brief(each), 60)) : []);

const label = (name: string, paint: Paint): string => `      ${paint.dim(name.padEnd(11))}`;

/** The decision of a rejected call may be anything, so nothing is taken for granted. */
const decisionLines = (decision: unknown, paint: Paint): string[] => {
  if (!isRecord(decision)) return [];
  const { rationale, confidence, basis, alternatives } = decision;
  const others = (Array.isArray(alternatives) ? alternatives : []).filter(isRecord);
  return [
    ...(rationale === undefined ? [] : [`${label('why', paint)}${brief(rationale, 600)}`]),
    ...others.map(
      ({ action, rejectedBecause }) =>
        `${label('instead of', paint)}${brief(action, 160)}: ${brief(rejectedBecause, 240)}`,
    ),
    `${label('confidence', paint)}${brief(confidence ?? 'none given', 20)}${texts(basis).length > 0 ? `, resting on ${texts(basis).join(', ')}` : ''}`,
  ];
};

const humanLines = ({ human }: TracedCall, paint: Paint): string[] => {
  if (human === undefined) return [];
  const args = human.args === undefined ? [] : [`${label('edited to', paint)}${brief(human.args, 400)}`];
  return [`${label('human', paint)}${humanText(human)}  ${paint.dim(oneLine(human.at, 30))}`, ...args];
};

/** What a status does not say by itself. */
const STATUS_WORDS: Record<string, string> = {
  replayed: ' (not done again: the recorded result of the same effect)',
  unknown: ' (nobody knows whether it took effect)',
};

const resultLines = ({ result }: TracedCall, paint: Paint): string[] => {
  if (result === undefined) return [`${label('result', paint)}none`];
  const tries = result.attempts > 1 ? `, ${result.attempts} attempts` : '';
  return [
    `${label('result', paint)}${statusWord(result.status, paint)}${STATUS_WORDS[result.status] ?? ''}${tries}, ${oneLine(result.trust, 20)}`,
    valueBlock(result.output, { indent: '          ', max: 8 }),
  ];
};

const compensationLines = ({ compensation }: TracedCall, paint: Paint): string[] => {
  if (compensation === undefined) return [];
  const { status, message } = compensation;
  const words = message === undefined ? '' : `: ${oneLine(message, 300)}`;
  return [`${label('undone', paint)}${statusWord(status, paint)}${words}`];
};

const provenanceLines = ({ provenance = {} }: TracedCall, paint: Paint): string[] => {
  const from = originsText(provenance);
  return from === '' ? [] : [`${label('from', paint)}${from}`];
};

const callLines = (call: TracedCall, paint: Paint): string[] => {
  const { id, tool, args, effect, verdict, decision } = call;
  const reasons = verdict.reasons.map((each) => reasonText({ ...each, policy: each.policy ?? each.code }));
  return [
    `  ${paint.cyan(oneLine(id, 20))}  ${paint.bold(oneLine(tool, 80))}  ${paint.dim(effect)}`,
    valueBlock(args, { indent: '          ', max: 12 }),
    ...decisionLines(decision, paint),
    `${label('verdict', paint)}${oneLine(verdict.outcome, 20)}${reasons.length > 0 ? `: ${reasons.join('; ')}` : ''}`,
    ...provenanceLines(call, paint),
    ...humanLines(call, paint),
    ...resultLines(call, paint),
    ...compensationLines(call, paint),
  ];
};

/** One step: what the agent said and called, why, what was decided, what came of it. */
export const stepLines = (step: TracedStep, paint: Paint): string[] => {
  const { n, model, durationMs, usage, costUsd, context, text, calls, startedAt } = step;
  const pressure =
    context.pressure === null ? '' : ` · context ${Math.round(context.pressure * 100)} % of ${context.window}`;
  const cost = costUsd > 0 ? ` · ${costUsd.toFixed(4)} USD` : '';
  return [
    `${paint.bold(`step ${n}`)}  ${paint.dim(`${startedAt} · ${oneLine(model, 60)} · ${span(durationMs)} · ${usage.inputTokens} + ${usage.outputTokens} tokens${cost}${pressure}`)}`,
    ...(text === '' ? [] : [block(text, { indent: '  ', max: 20 })]),
    ...calls.flatMap((call) => callLines(call, paint)),
  ];
};

/** The agent's plan as it is now. */
export const planLines = (plan: Trace['plan'], paint: Paint): string[] =>
  plan === null ? [] : [paint.bold('the agent’s plan'), valueBlock(plan, { indent: '  ', max: 20 }), ''];

/** A whole trace as readable text. */
export const traceLines = (trace: Trace, paint: Paint): string[] => {
  const { taskId, status, spec, steps, events, outcome, usage, plan, standing } = trace;
  const goal = isRecord(spec) ? brief(spec['goal'] ?? '', 600) : '';
  return [
    `${paint.bold(oneLine(taskId, 200))}  ${statusWord(status, paint)}`,
    goal,
    '',
    ...steps.flatMap((step) => [...stepLines(step, paint), '']),
    ...(events.length === 0
      ? []
      : [
          paint.bold('beside the steps'),
          ...events.map(({ at, type, detail }) => `  ${paint.dim(at)}  ${eventText({ type, detail })}`),
          '',
        ]),
    ...planLines(plan, paint),
    ...standingLines(standing, { taskId, paint, isOpen: outcome === null }),
    ...(outcome === null ? [paint.dim(usageLine(usage))] : outcomeLines(outcome, paint)),
  ];
};

const itemLines = (item: TranscriptItem, paint: Paint): string[] => {
  const all = { indent: '  ', max: Number.POSITIVE_INFINITY };
  const head = (what: string): string => paint.bold(`── ${what}`);
  switch (item.kind) {
    case 'setup':
      return [head('instructions'), block(item.instructions, all), head('tools'), valueBlock(item.tools, all)];
    case 'goal':
      return [
        head('goal'),
        block(item.text, all),
        ...(item.input === undefined ? [] : [head('input'), valueBlock(item.input, all)]),
      ];
    case 'proposal':
      return [
        head(`agent (${item.id})`),
        ...(item.text === '' ? [] : [block(item.text, all)]),
        ...item.calls.map((call) => `  ${oneLine(call.id, 20)} ${oneLine(call.name, 80)} ${clean(call.arguments)}`),
      ];
    case 'result':
      return [
        head(`result of ${item.id} ${oneLine(item.tool, 80)}, ${item.status}, ${item.trust}`),
        valueBlock(item.output, all),
      ];
    case 'note':
      return [head(`note from the ${item.from}`), block(item.text, all)];
    default:
      return assertNever(item);
  }
};

/** What the model was given at a step, whole, and whether it is proven to be that. */
export const promptLines = (prompt: StepPrompt, paint: Paint): string[] => [
  ...(prompt.setup === null ? [] : itemLines(prompt.setup, paint)),
  ...prompt.items.flatMap((item) => itemLines(item, paint)),
  '',
  prompt.isVerified
    ? `${paint.green('✓ verified')}: this is what the model was given; its digest is the recorded ${prompt.promptDigest}`
    : `${paint.red('✗ not verified')}: its digest is not the recorded ${prompt.promptDigest}`,
];
