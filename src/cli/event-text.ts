import { isRecord } from '../domain/json.ts';
import { brief, briefArgs, oneLine } from './text.ts';

type Detail = Readonly<Record<string, unknown>>;

const word = (value: unknown, max = 60): string => oneLine(typeof value === 'string' ? value : '', max);
const after = (mark: string, value: unknown): string => (word(value, 300) === '' ? '' : `${mark}${word(value, 300)}`);

const reasonTexts = (reasons: unknown): string =>
  (Array.isArray(reasons) ? reasons : [])
    .flatMap((reason) =>
      isRecord(reason)
        ? [
            `${word(reason['message'], 300)}${after(' [', reason['policy'])}${reason['policy'] === undefined ? '' : ']'}`,
          ]
        : [],
    )
    .join('; ');

const messageText = ({ name, payload, from }: Detail): string => {
  const { by, ...rest } = isRecord(payload) ? payload : {};
  const given = isRecord(payload) ? briefArgs(rest, 200) : payload === null ? '' : brief(payload, 200);
  return `${word(name)} by ${typeof by === 'string' ? `${word(by)} (unverified)` : word(from)}${given === '' ? '' : `: ${given}`}`;
};

/** Words for the details of events that people look for. */
const TEXTS: Readonly<Record<string, (detail: Detail) => string>> = {
  compensation: ({ callId, tool, status, message }) =>
    `${word(callId)} ${word(tool)}: ${word(status)}${after(': ', message)}`,
  asks: ({ callId, tool, reasons }) => `${word(callId)} ${word(tool)} when it was to run: ${reasonTexts(reasons)}`,
  retried: ({ activity, attempt, failure }) =>
    `${word(activity)}, attempt ${brief(attempt, 10)}${after(', after: ', failure)}`,
  ignored: ({ message, reason }) => `${word(message)}${after(': ', reason)}`,
  message: messageText,
};

/** Something that happened beside the steps, on one line. */
export const eventText = ({ type, detail }: { readonly type: string; readonly detail: unknown }): string => {
  const words = isRecord(detail) ? TEXTS[type]?.(detail) : undefined;
  return `${oneLine(type, 40).padEnd(12)} ${words ?? brief(detail, 300)}`;
};
