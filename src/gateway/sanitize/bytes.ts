import { types } from 'node:util';
import { isRecord } from '../../domain/json.ts';

/** Something that is no text: a picture, a document. */
export type Attachment = { readonly mediaType: string; readonly bytes: Uint8Array };

const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,99}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,99}(?:; ?charset=[a-z0-9-]{1,40})?$/;
const TEXT_TYPE = /^text\/|[/+](?:json|xml|yaml|javascript|ecmascript|sql|toml|x-ndjson|x-sh)(?:;|$)/;

/** A media type that is safe to show; what is none counts as bytes of any kind. */
const cleanMediaType = (mediaType: unknown): string => {
  const text = typeof mediaType === 'string' ? mediaType.toLowerCase() : '';
  return MEDIA_TYPE.test(text) ? text : 'application/octet-stream';
};

/** Whether bytes of this kind are read as text. */
export const isTextType = (mediaType: string): boolean => TEXT_TYPE.test(mediaType);

/** The bytes of a buffer, whatever its kind; undefined for everything else. Arrays of numbers are no bytes. */
export const bytesOf = (value: object): Uint8Array | undefined => {
  if (!ArrayBuffer.isView(value) && !types.isAnyArrayBuffer(value)) return undefined;
  if (types.isUint8Array(value)) return value;
  if (types.isAnyArrayBuffer(value)) return new Uint8Array(value);
  if (types.isDataView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return undefined;
};

const decode = (base64: string, mediaType: unknown): Attachment | string => {
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.length === 0 && base64 !== '') return '[attachment: not base64]';
  return { mediaType: cleanMediaType(mediaType), bytes };
};

/**
 * What `{ "$attachment": { "mediaType", "base64" } }` holds, the form in which tools hand over what is no text.
 * @returns undefined when it is another object; a text: what is wrong with it
 */
export const attachmentIn = (value: object, maxBytes: number): Attachment | string | undefined => {
  if (Array.isArray(value) || !Object.hasOwn(value, '$attachment') || Object.keys(value).length !== 1) return undefined;
  const inner = (value as { readonly $attachment: unknown }).$attachment;
  if (!isRecord(inner)) return undefined;
  const { base64, mediaType } = inner as { readonly base64?: unknown; readonly mediaType?: unknown };
  if (typeof base64 !== 'string') return undefined;
  if (base64.length <= Math.ceil(maxBytes / 3) * 4) return decode(base64, mediaType);
  return `[attachment: larger than ${maxBytes} bytes, not kept]`;
};
