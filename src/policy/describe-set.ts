import type { Tool } from '../tools/tool.ts';
import { createCedar } from './cedar.ts';
import { cedarSchema } from './cedar-schema.ts';
import { type PolicyFiles, readPolicyFiles } from './policy-files.ts';
import { readPolicySet, validateSet } from './policy-set.ts';
import { toolTypes } from './tool-types.ts';

/** What is to be known of policies without asking them anything. */
export type SetDescription = {
  readonly digest: string;
  readonly policies: readonly { readonly id: string; readonly effect: string; readonly where: string }[];
  readonly tools: readonly { readonly name: string; readonly type: string }[];
  readonly warnings: readonly string[];
  /** The vocabulary with these tools, as Cedar writes schemas. */
  readonly schema: string;
};

/** Checks policies against tools. @throws PolicyError with file, line and column */
export const describeSet = async (files: PolicyFiles, tools: readonly Tool[]): Promise<SetDescription> => {
  const instance = createCedar();
  const types = toolTypes(tools);
  const schema = cedarSchema(types.values());
  const set = readPolicySet(instance, await readPolicyFiles(files));
  const warnings = validateSet(instance, set, schema);
  const text = instance.use((cedar) => cedar.schemaToText(schema));
  return {
    digest: set.digest,
    policies: set.policies.map(({ id, json, where }) => ({ id, effect: json.effect, where })),
    tools: [...types.values()].map(({ name, type }) => ({ name, type })),
    warnings,
    schema: text.type === 'success' ? text.text.replaceAll('__cedar::', '') : '',
  };
};
