import { cutText, jsonBytes } from '../domain/json.ts';
import { SIZES } from '../domain/sizes.ts';

/** A tool's result as JSON, whatever it returned: circular objects, functions and big integers become a text. */
const toJson = (value: unknown): unknown => {
  if (value === undefined) return null;
  try {
    return JSON.parse(JSON.stringify(value) ?? 'null');
  } catch (error) {
    return `[the tool returned what JSON cannot hold: ${String(error).slice(0, 200)}]`;
  }
};

/** Makes a tool's result fit for transcript and history: JSON, bounded (INVARIANT H1), whole characters. */
export const sanitizeOutput = (value: unknown): unknown => {
  const json = toJson(value);
  if (typeof json === 'string') return cutText(json.toWellFormed(), SIZES.toolOutput);
  if (jsonBytes(json) <= SIZES.toolOutput) return json;
  return cutText(JSON.stringify(json), SIZES.toolOutput);
};
