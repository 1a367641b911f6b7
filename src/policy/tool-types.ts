import type { JsonObject } from '../domain/json.ts';
import { isSameType, type RecordType, unite } from './arg-type.ts';
import { argTypes } from './arg-types.ts';
import { assertDistinct, toolType } from './tool-type.ts';

/** What the engine needs of a tool. */
export type PolicyTool = { readonly name: string; readonly input: { readonly json: JsonObject } };

/** A tool as policies see it. */
export type ToolType = {
  readonly name: string;
  readonly type: string;
  readonly args: RecordType;
  /** The arguments of each tool that has this name. */
  readonly variants: readonly RecordType[];
};

// The same schema object comes with every call.
const known = new WeakMap<JsonObject, RecordType>();

/** The types of a schema's arguments; worked out once for each schema object. */
export const argTypesOf = (schema: JsonObject): RecordType => {
  const types = known.get(schema) ?? argTypes(schema);
  known.set(schema, types);
  return types;
};

/**
 * The tools by name. Tools of different agents that share a name share a type: what both have, and what one of them has as
 * optional; arguments of different kinds are left out.
 * @throws PolicyError when a type would mean two tools
 */
export const toolTypes = (tools: Iterable<PolicyTool>): ReadonlyMap<string, ToolType> => {
  const types = new Map<string, ToolType>();
  for (const { name, input } of tools) {
    const args = argTypesOf(input.json);
    const twin = types.get(name);
    const united = twin === undefined ? args : (unite(twin.args, args) as RecordType);
    types.set(name, { name, type: toolType(name), args: united, variants: [...(twin?.variants ?? []), args] });
  }
  assertDistinct(types.keys());
  return types;
};

/** Tells whether arguments of one type are those that rules were checked against. */
export const fits = ({ variants }: ToolType, args: RecordType): boolean =>
  variants.some((variant) => variant === args || isSameType(variant, args));

/** Names of tools that are new, or have other arguments. */
export const changedTools = (
  before: ReadonlyMap<string, ToolType>,
  after: ReadonlyMap<string, ToolType>,
): readonly string[] =>
  [...after.values()].flatMap(({ name, args }) => {
    const old = before.get(name);
    return old !== undefined && isSameType(old.args, args) ? [] : [name];
  });
