import { digestText, shortDigest } from '../../domain/digest.ts';
import { modelFacingName } from '../define-agent.ts';
import { TOOL_NAME } from '../define-tool.ts';

const PLAIN = /^[A-Za-z0-9_-]+$/;
/** What providers take as the name of a tool. */
const FACE = /^[A-Za-z0-9_-]{1,64}$/;
const DIGITS = 10;

const fits = (name: string): boolean => TOOL_NAME.test(name) && FACE.test(modelFacingName(name));

/**
 * The name of a server's tool here: `SERVER.TOOL`. A name with other characters, or too long a one, is written with what
 * fits of it and digits of its digest, so two tools never share a name by it.
 */
export const toolNameOf = (server: string, tool: string): string => {
  const name = `${server}.${tool}`;
  if (PLAIN.test(tool) && fits(name)) return name;
  const digits = shortDigest(digestText(tool), DIGITS);
  // 60 characters are a tool's name here; the dot, the dash and the digits take their part.
  const room = 60 - server.length - DIGITS - 2;
  return `${server}.${tool.replaceAll(/[^A-Za-z0-9_-]/g, '_').slice(0, room)}-${digits}`;
};
