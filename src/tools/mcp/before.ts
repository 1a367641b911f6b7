import { assertNever } from '../../domain/assert-never.ts';
import { type Digest, digestText } from '../../domain/digest.ts';
import { isRecord, type Json } from '../../domain/json.ts';
import { valueAt } from '../../domain/json-pointer.ts';
import type { Tool, ToolContext } from '../tool.ts';
import type { BeforeWay, Reader, ReadWay, Sibling } from './before-way.ts';
import type { Connection } from './connection.ts';
import type { Redact } from './errors.ts';
import { type CallResult, outputOf, textOfResult } from './result.ts';

/** One look may take this long, milliseconds: a person waits for the question. */
const LOOK_MS = 5_000;
const MAX_ERROR = 300;
/** What is read for a person, bytes: of more the diff would not show anything either. */
const MAX_BYTES = 1024 * 1024;

/** What is needed to look at what a tool would change. */
export type BeforeMaking = {
  readonly own: Sibling;
  readonly connection: Connection;
  readonly redact: Redact;
  /** @throws when the server shows another tool under the name by now */
  readonly check: (listedName: string, digest: Digest) => void;
};

type Ask = Reader & { readonly args: unknown };

/** Calls a tool that changes nothing. @throws Error, in words for a person */
const ask = async (
  { connection, redact, check }: BeforeMaking,
  { tool, digest, args }: Ask,
  { signal, idempotencyKey }: ToolContext,
): Promise<CallResult> => {
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(LOOK_MS)]);
  try {
    return await connection.call({
      tool,
      args,
      timeoutMs: LOOK_MS,
      signal: inTime,
      // Another one than the effect's: a server that knows keys must not take the effect for done.
      idempotencyKey: `${idempotencyKey}/before`,
      check: () => check(tool, digest),
    });
  } catch (error) {
    if (inTime.aborted) throw new Error(`${tool} gave no answer in time`, { cause: error });
    throw new Error(redact(error instanceof Error ? error.message : String(error)), { cause: error });
  }
};

const answerOf = (result: CallResult): string => textOfResult(result).replace(/^Error: /, '');

const failed = ({ redact }: BeforeMaking, tool: string, answer: string): Error =>
  new Error(redact(`${tool} answered: ${answer.slice(0, MAX_ERROR).toWellFormed() || 'it failed'}`));

const argumentAt = (input: unknown, pointer: string): Json => {
  const found = valueAt(input, pointer);
  if (found === undefined) throw new Error(`the call has no ${pointer}`);
  return found.value as Json;
};

/** Of a hundred characters of a text hardly one is none: a server that reads bytes as text puts U+FFFD in their place. */
const isNoText = (text: string): boolean => {
  const wrong = text.match(/\uFFFD/g)?.length ?? 0;
  return text.includes('\0') || wrong > text.length / 100;
};

/** What a read returned, as people read it: a text that is all of a structured answer stands for it. */
const contentOf = (result: CallResult): Json => {
  const output = outputOf(result) as Json;
  const values = isRecord(output) ? Object.values(output) : [];
  const content = values.length === 1 && typeof values[0] === 'string' ? values[0] : output;
  if (typeof content !== 'string' || !isNoText(content)) return content;
  return `(no text: ${content.length} characters, ${digestText(content)})\n`;
};

/** As the official filesystem server tells them. */
const SIZE = /^size: (\d+)$/m;
const MODIFIED = /^modified: (.{1,100})$/m;

/** What stands for a file that is too large to be read for this. When it was last read is left out: looking would change it. */
const tooLarge = (info: CallResult): string | undefined => {
  const text = info.isError === true ? '' : textOfResult(info);
  const size = Number(SIZE.exec(text)?.[1] ?? 0);
  if (size <= MAX_BYTES) return undefined;
  return `(not read: ${size} bytes, modified ${MODIFIED.exec(text)?.[1] ?? 'at an unknown time'})\n`;
};

const byRead = (making: BeforeMaking, way: ReadWay): Pick<Tool, 'look' | 'preview'> => {
  const { reader, sizer, missing, after } = way;
  const look = async (input: unknown, context: ToolContext): Promise<Json> => {
    const args = Object.fromEntries(
      Object.entries(way.arguments).map(([name, pointer]) => [name, argumentAt(input, pointer)]),
    );
    const large = sizer === undefined ? undefined : tooLarge(await ask(making, { ...sizer, args }, context));
    if (large !== undefined) return large;
    const result = await ask(making, { ...reader, args }, context);
    if (result.isError !== true) return contentOf(result);
    const answer = answerOf(result);
    // Its very beginning: further down there may be words of the call, such as a path that was made up to look like this.
    if (answer.startsWith(missing)) return null;
    throw failed(making, reader.tool, answer);
  };
  if (after === undefined) return { look };
  return { look, preview: (input, image) => ({ $diff: { before: image, after: argumentAt(input, after) } }) };
};

/** Nobody compared anything here: what a server says of itself is shown as its words, and cannot look like the platform's. */
const ownWords = (tool: string, text: string): string => {
  const bare = /^(`{3,})diff\n([^]*)\n\1\s*$/.exec(text)?.[2] ?? text;
  const lines = bare.replaceAll('\r', '␍').replaceAll(/^~/gm, ' ~');
  return `~ as ${tool} itself says, asked for a dry run\n${lines.trim() === '' ? '(it says nothing)' : lines}`;
};

const byDryRun = (making: BeforeMaking, added: Readonly<Record<string, Json>>): Pick<Tool, 'look' | 'preview'> => {
  const { listed, digest, tool } = making.own;
  return {
    look: async (input, context) => {
      const valid = await tool.input.parse({ ...(isRecord(input) ? input : {}), ...added });
      if (!valid.ok) throw new Error(`as a dry run its arguments are not valid: ${valid.problems}`);
      const result = await ask(making, { tool: listed.name, digest, args: valid.value }, context);
      if (result.isError === true) throw failed(making, listed.name, answerOf(result));
      return textOfResult(result);
    },
    preview: (_, image) => ({ $diff: ownWords(listed.name, typeof image === 'string' ? image : '') }),
  };
};

/**
 * What shows whoever is asked what a call would change. Only called where a call asks, and again when it runs
 * (INVARIANT A1); nothing of it is kept.
 */
export const beforeHooks = (making: BeforeMaking, way: BeforeWay): Pick<Tool, 'look' | 'preview'> => {
  switch (way.kind) {
    case 'none':
      return {};
    case 'read':
      return byRead(making, way);
    case 'dry_run':
      return byDryRun(making, way.added);
    case 'impossible':
      return {
        look: () => {
          throw new Error(way.why);
        },
      };
    default:
      return assertNever(way);
  }
};
