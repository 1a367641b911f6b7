import { readFile } from 'node:fs/promises';
import { dirname, extname, relative, resolve } from 'node:path';
import { parse as parseYaml } from 'yaml';
import { type Config, findConfigFile, loadConfig } from '../config.ts';
import { issuesText } from '../config-error.ts';
import { CaseFile } from '../policy/case-file.ts';
import type { PolicyFiles } from '../policy/policy-files.ts';
import type { Tool } from '../tools/tool.ts';
import type { Globals } from './command.ts';
import { UsageError } from './failure.ts';
import { firstReason } from './text.ts';

/** What a configuration says about policies. */
export type PolicySetting = { readonly tools: readonly Tool[]; readonly files: PolicyFiles };

const definedTools = ({ agents }: Config): readonly Tool[] =>
  Array.isArray(agents) ? agents.flatMap(({ tools }) => [...tools.values()]) : [];

/**
 * Tools and policies of the configuration, which is run if it is code; nothing of either where there is none. Tools of MCP
 * servers are not in it: no server is started here.
 * @throws ConfigError
 */
export const readPolicySetting = async (globals: Globals): Promise<PolicySetting> => {
  const file = globals.config ?? findConfigFile();
  if (file === undefined) return { tools: [], files: { patterns: [], baseDir: process.cwd() } };
  const config = await loadConfig(file);
  const baseDir = config.folder ?? dirname(resolve(file));
  return { tools: definedTools(config), files: { patterns: config.policies ?? [], baseDir } };
};

/** Reads a file of cases. @throws UsageError naming the file and what is wrong in it */
export const readCaseFile = async (path: string): Promise<CaseFile> => {
  const fail = (what: string): never => {
    throw new UsageError(`${relative('', path) || path}: ${what}`, 'docs/policy.md shows what such a file looks like.');
  };
  let value: unknown;
  try {
    const text = await readFile(path, 'utf8');
    value = extname(path) === '.json' ? JSON.parse(text) : parseYaml(text);
  } catch (error) {
    return fail(`cannot be read: ${firstReason(error)}`);
  }
  const parsed = CaseFile.safeParse(value);
  return parsed.success ? parsed.data : fail(issuesText(parsed.error));
};
