import { TOOL_NAME } from './define-tool.ts';
import type { Tool, Toolset } from './tool.ts';

/**
 * Puts tools under one name, so that agents and grants can name them together: `orders.*`.
 * @throws TypeError when a name does not fit or stands twice
 */
export const createToolset = (definition: { readonly name: string; readonly tools: readonly Tool[] }): Toolset => {
  const { name } = definition;
  if (!TOOL_NAME.test(name) || name.includes('.'))
    throw new TypeError(`toolset name ${JSON.stringify(name)} does not fit`);
  const tools = definition.tools.map((tool) => ({ ...tool, name: `${name}.${tool.name}` }));
  const wrong = tools.find((tool) => !TOOL_NAME.test(tool.name));
  if (wrong !== undefined) throw new TypeError(`toolset ${name}: ${wrong.name} is longer than a tool name may be`);
  const names = tools.map((tool) => tool.name);
  const twice = names.find((each, index) => names.indexOf(each) !== index);
  if (twice !== undefined) throw new TypeError(`toolset ${name}: two tools are named ${twice}`);
  return { kind: 'toolset', name, tools };
};
