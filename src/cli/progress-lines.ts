import { isRecord } from '../domain/json.ts';
import type { ProgressEvent, ProposedCall } from '../timeline/progress-event.ts';
import { deskLines } from './desk-lines.ts';
import { reasonText, statusWord } from './task-lines.ts';
import type { Paint } from './terminal.ts';
import { block, brief, briefArgs, oneLine, valueBlock, withoutToken } from './text.ts';

const RESULT_LINES = 4;

const verdictWord = ({ verdict, effect }: ProposedCall, paint: Paint): string => {
  if (verdict === 'allow') return paint.dim(effect);
  return verdict === 'ask' ? paint.yellow(`${effect}, asks a person`) : paint.red('refused');
};

const callLines = (call: ProposedCall, paint: Paint): string[] => [
  `     ${paint.cyan('→')} ${paint.bold(oneLine(call.tool, 60))}(${briefArgs(call.args, 90)})  ${verdictWord(call, paint)}`,
  ...(call.rationale === null ? [] : [`       ${paint.dim(oneLine(call.rationale, 200))}`]),
  ...(call.verdict === 'allow'
    ? []
    : call.reasons.map((reason) => `       ${paint.dim('because')} ${reasonText(reason)}`)),
];

const resultLines = ({ status, tool, output }: Extract<ProgressEvent, { type: 'result' }>, paint: Paint): string[] => {
  const isGood = status === 'succeeded' || status === 'replayed';
  const head = `     ${isGood ? paint.green('✓') : statusWord('!', paint)} ${oneLine(tool, 60)}${isGood ? '' : ` ${statusWord(status, paint)}`}`;
  const text = typeof output === 'string' ? output : (JSON.stringify(output) ?? '');
  if (text === '') return [head];
  if (!text.includes('\n') && text.length <= 120) return [`${head}  ${paint.dim(oneLine(text, 120))}`];
  return [head, paint.dim(valueBlock(output, { indent: '       ', max: RESULT_LINES }))];
};

const undoneLine = (
  { callId, tool, status, message }: Extract<ProgressEvent, { type: 'undone' }>,
  paint: Paint,
): string =>
  `     ${paint.magenta('↶')} ${oneLine(callId, 20)} ${oneLine(tool, 60)}: ${statusWord(status, paint)}${message === null ? '' : `  ${paint.dim(oneLine(message, 200))}`}`;

const messageLine = ({ name, payload, from }: Extract<ProgressEvent, { type: 'message' }>, paint: Paint): string => {
  const { by, ...rest } = isRecord(payload) ? payload : {};
  const who = typeof by === 'string' ? oneLine(by, 60) : oneLine(from, 60);
  const what = Object.keys(rest).length > 0 ? ` ${briefArgs(withoutToken(rest), 120)}` : '';
  return `     ${paint.magenta('✉')} ${oneLine(name, 60)} ${paint.dim(`by ${who}`)}${what}`;
};

const proposedLines = (
  { step, text, model, calls }: Extract<ProgressEvent, { type: 'proposed' }>,
  paint: Paint,
): string[] => [
  `${paint.bold(String(step).padStart(3))}  ${text === '' ? paint.dim(oneLine(model, 60)) : block(text, { indent: '     ', max: 6 }).trimStart()}`,
  ...calls.flatMap((call) => callLines(call, paint)),
];

/** Events that have no line: the end has a summary, questions are put by whoever follows (this one may be long over). */
type Silent = 'waiting' | 'thinking' | 'running' | 'undoing' | 'ended';

type Lines = {
  readonly [Type in Exclude<ProgressEvent['type'], Silent>]: (
    event: Extract<ProgressEvent, { type: Type }>,
    paint: Paint,
  ) => string[];
};

const LINES: Lines = {
  started: ({ taskId, agent, goal }, paint) => [
    `${paint.bold(oneLine(taskId, 200))}  ${paint.dim(oneLine(agent, 60))}`,
    block(goal, { indent: '  ', max: 4 }),
  ],
  proposed: proposedLines,
  result: resultLines,
  undone: (event, paint) => [undoneLine(event, paint)],
  message: (event, paint) => [messageLine(event, paint)],
  desk: deskLines,
  refused: ({ id, decision, reason }, paint) => [
    `     ${paint.red('✗')} ${oneLine(decision, 60)}${id === '' ? ' changes nothing' : ` of ${oneLine(id, 40)} does not count`}: ${oneLine(reason, 300)}`,
  ],
  retried: ({ activity, attempt, failure }, paint) => [
    `     ${paint.red('↻')} ${oneLine(activity, 40)}, attempt ${attempt}, after: ${oneLine(failure, 200)}`,
  ],
  continued: ({ runId }, paint) => [paint.dim(`     goes on in a new run, ${brief(runId, 60)}`)],
};

/** What a person who watches is told of an event. */
export const progressLines = (event: ProgressEvent, paint: Paint): string[] => {
  const lines = (LINES as Readonly<Record<string, Lines[keyof Lines] | undefined>>)[event.type];
  return lines?.(event as never, paint) ?? [];
};

/** What is under way after an event, for the line that moves; undefined leaves it as it is. */
export const underWay = (event: ProgressEvent): string | undefined => {
  if (event.type === 'thinking') return `step ${event.step}: thinking`;
  if (event.type === 'running') return `running ${oneLine(event.tool, 60)}`;
  if (event.type === 'undoing') return `undoing ${oneLine(event.tool, 60)}`;
  return event.type === 'waiting' ? 'waiting for a person' : undefined;
};
