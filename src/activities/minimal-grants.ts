import { constraintsOf, type Grant, toKey } from '../domain/grants.ts';
import { isRecord, type Json, type JsonObject } from '../domain/json.ts';
import type { ToolFace } from '../domain/proposal.ts';
import { Grants } from '../domain/schemas/grant.ts';
import { compileConstraint } from '../gateway/constraints.ts';
import { checkFinalAnswer } from './final-answer.ts';

/** Name of the structured output. */
export const MINIMAL_GRANTS = 'minimal_grants';

/** Grants that a model proposed, or what is wrong with them, for the model. */
export type Proposed =
  | { readonly ok: true; readonly grants: readonly Grant[] }
  | { readonly ok: false; readonly error: string };

/** Grants as the model writes them: `tools` are the only names that it may give. */
export const minimalGrantsSchema = (tools: readonly string[]): JsonObject => ({
  type: 'object',
  properties: {
    grants: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          tool: { type: 'string', ...(tools.length === 0 ? {} : { enum: tools }) },
          args: {
            type: 'object',
            description: 'By argument: a value that it must have, or a JSON Schema that its value must meet',
          },
        },
        required: ['tool', 'args'],
        additionalProperties: false,
      },
    },
  },
  required: ['grants'],
  additionalProperties: false,
});

type Answer = { readonly grants: readonly { readonly tool: string; readonly args?: JsonObject }[] };

/** What an answer must look like at least: models leave `args` out, and name tools that are not there. */
const LOOSE: JsonObject = {
  type: 'object',
  properties: {
    grants: {
      type: 'array',
      items: {
        type: 'object',
        properties: { tool: { type: 'string' }, args: { type: 'object' } },
        required: ['tool'],
      },
    },
  },
  required: ['grants'],
};

/**
 * A constraint as the model wrote it. An object of nothing but JSON Schema keywords is a schema; every other value is the
 * only one that the argument may have. An empty schema says nothing and is left out.
 */
const toConstraint = (value: Json): JsonObject | undefined => {
  if (!isRecord(value)) return { const: value };
  if (Object.keys(value).length === 0) return undefined;
  return compileConstraint(value).ok ? value : { const: value };
};

const argumentNames = ({ parameters }: ToolFace): readonly string[] => {
  const properties = parameters['properties'];
  return isRecord(properties) ? Object.keys(properties).filter((name) => name !== 'decision') : [];
};

/** Arguments that the tool does not have: a constraint on one would refuse every call. */
const unknownArguments = (grant: Grant, face: ToolFace): readonly string[] => {
  const names = argumentNames(face);
  const first = (pointer: string): string => (pointer.split('/')[1] ?? '').replaceAll('~1', '/').replaceAll('~0', '~');
  return constraintsOf(grant).flatMap(([pointer]) => (names.includes(first(pointer)) ? [] : [toKey(pointer)]));
};

const toGrant = (face: ToolFace, args: JsonObject = {}): Grant => {
  const constraints = Object.entries(args).flatMap(([name, value]) => {
    const schema = toConstraint(value);
    return schema === undefined ? [] : [[name, schema] as const];
  });
  return constraints.length === 0 ? face.tool : { tool: face.tool, args: Object.fromEntries(constraints) };
};

/** What is wrong with grants, so that the model can put it right. */
const problemOf = (grants: readonly Grant[], faces: readonly ToolFace[]): string | undefined => {
  const parsed = Grants.safeParse(grants);
  const issue = parsed.error?.issues[0];
  if (issue !== undefined) return `${['grants', ...issue.path].join('.')}: ${issue.message}`;
  for (const [index, grant] of grants.entries()) {
    const face = faces[index];
    const unknown = face === undefined ? [] : unknownArguments(grant, face);
    if (unknown.length > 0)
      return `${face?.tool} has no argument ${unknown.map((name) => JSON.stringify(name)).join(', ')}`;
  }
  return undefined;
};

/**
 * Reads the grants that a model proposed. Tools that were not offered are left out; where only such were named, the answer
 * is of no use.
 */
export const readMinimalGrants = (text: string, tools: readonly ToolFace[]): Proposed => {
  const answer = checkFinalAnswer(text, LOOSE);
  if (!answer.ok) return answer;
  const named = (answer.output as Answer).grants;
  const known = named.flatMap(({ tool, args }) => {
    const face = tools.find(({ name, tool: own }) => own === tool || name === tool);
    return face === undefined ? [] : [{ face, grant: toGrant(face, args) }];
  });
  if (known.length === 0 && named.length > 0)
    return { ok: false, error: 'none of the tools that it names is on the list' };
  const grants = known.map(({ grant }) => grant);
  const error = problemOf(
    grants,
    known.map(({ face }) => face),
  );
  return error === undefined ? { ok: true, grants } : { ok: false, error };
};
