import { z } from 'zod';
import { isRecord } from '../../domain/json.ts';
import type { ToolSchema } from '../tool.ts';

/** Bytes that the gateway keeps as an artifact; the model sees a reference. */
export type Attachment = { readonly $attachment: { readonly mediaType: string; readonly base64: string } };

/** What a server answers to a call, as far as it can be read. */
export const CallResult = z.looseObject({
  content: z.array(z.unknown()).optional().catch(undefined),
  structuredContent: z.unknown().optional(),
  isError: z.boolean().optional().catch(undefined),
});
/** What a server answers to a call. */
export type CallResult = z.infer<typeof CallResult>;

const MEDIA_TYPE = /^[\w.+-]{1,100}\/[\w.+-]{1,100}$/;

const attach = (base64: string, mediaType: unknown): Attachment => ({
  $attachment: {
    mediaType: typeof mediaType === 'string' && MEDIA_TYPE.test(mediaType) ? mediaType : 'application/octet-stream',
    base64,
  },
});

/** An image, a sound or a blob, as an attachment. */
const attachmentOf = (block: Record<string, unknown>): Attachment | undefined => {
  const { type, data, mimeType, resource } = block;
  if ((type === 'image' || type === 'audio') && typeof data === 'string') return attach(data, mimeType);
  if (type === 'resource' && isRecord(resource) && typeof resource['blob'] === 'string') {
    return attach(resource['blob'], resource['mimeType']);
  }
  return undefined;
};

const word = (value: unknown): string => (typeof value === 'string' ? value : '');

const textOfBlock = (block: Record<string, unknown>): string => {
  const { type, text, resource, uri, name } = block;
  if (type === 'text' && typeof text === 'string') return text;
  if (type === 'resource' && isRecord(resource) && typeof resource['text'] === 'string') {
    return `[${word(resource['uri'])}]\n${resource['text']}`;
  }
  if (type === 'resource_link') return `[link: ${word(name)} ${word(uri)}]`;
  return `[a block of type ${JSON.stringify(type)?.slice(0, 60)} that cannot be shown]`;
};

const MAX_NESTING = 64;

/** A copy in which blocks with bytes are attachments; `found` gets them. Structured content repeats such blocks now and then. */
const withAttachments = (value: unknown, found: Attachment[], depth = 0): unknown => {
  if (depth > MAX_NESTING) return '[nested too deeply]';
  if (Array.isArray(value)) return value.map((each) => withAttachments(each, found, depth + 1));
  if (!isRecord(value)) return value;
  const attachment = attachmentOf(value);
  if (attachment !== undefined) {
    found.push(attachment);
    return attachment;
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, withAttachments(inner, found, depth + 1)]),
  );
};

/** The text of an answer: its text blocks, one after the other. */
export const textOfResult = ({ content = [] }: CallResult): string =>
  content
    .filter(isRecord)
    .filter((block) => attachmentOf(block) === undefined)
    .map(textOfBlock)
    .join('\n');

/**
 * What a tool returned: its structured content, else its text; with images, sounds and blobs beside it where it has them:
 * `{ content, attachments }`.
 */
export const outputOf = (result: CallResult): unknown => {
  const structured: Attachment[] = [];
  const value =
    result.structuredContent === undefined || result.structuredContent === null
      ? textOfResult(result)
      : withAttachments(result.structuredContent, structured);
  const known = new Set(structured.map(({ $attachment }) => $attachment.base64));
  const attachments = (result.content ?? [])
    .filter(isRecord)
    .map(attachmentOf)
    .filter((each) => each !== undefined)
    .filter(({ $attachment }) => !known.has($attachment.base64));
  return attachments.length === 0 ? value : { content: value, attachments };
};

type Verdict = { readonly ok: true } | { readonly ok: false; readonly problems: string };

/**
 * The schema of a tool's output, for what `execute` returned: the check is made on what the server sent, before bytes became
 * attachments; `remember` makes it. Other values (an output that was recorded) are checked as they are.
 */
export const outputChecks = (schema: ToolSchema) => {
  const verdicts = new WeakMap<object, Verdict>();
  const check = async ({ structuredContent }: CallResult): Promise<Verdict> => {
    if (structuredContent === undefined) {
      return { ok: false, problems: 'the server sent no structured content, which its output schema asks for' };
    }
    const parsed = await schema.parse(structuredContent);
    return parsed.ok ? { ok: true } : parsed;
  };
  const output: ToolSchema = {
    json: schema.json,
    parse: async (value) => {
      const verdict = typeof value === 'object' && value !== null ? verdicts.get(value) : undefined;
      if (verdict === undefined) return await schema.parse(value);
      return verdict.ok ? { ok: true, value } : verdict;
    },
  };
  const remember = async (result: CallResult, value: unknown): Promise<unknown> => {
    const verdict = await check(result);
    // A text cannot be remembered; one in place of structured content never meets the schema, so it is put into an object.
    const kept = typeof value === 'object' && value !== null ? value : { content: value };
    if (verdict.ok && kept !== value) return value;
    verdicts.set(kept, verdict);
    return kept;
  };
  return { output, remember };
};
