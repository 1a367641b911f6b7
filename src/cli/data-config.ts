import { extname } from 'node:path';
import { type Config, findConfigFile, loadConfig } from '../config.ts';
import type { Globals } from './command.ts';

/** What can be known of a configuration without running it. */
export type DataConfig =
  | { readonly kind: 'none' }
  /** A file of code, which commands that only read never run. */
  | { readonly kind: 'code'; readonly file: string }
  | { readonly kind: 'data'; readonly file: string; readonly config: Config };

/** The configuration file that a command means, if there is one. */
export const configFile = ({ config }: Globals): string | undefined => config ?? findConfigFile();

/** Reads a configuration of plain data; one of code is named only. @throws ConfigError when it is not valid */
export const readDataConfig = async (globals: Globals): Promise<DataConfig> => {
  const file = configFile(globals);
  if (file === undefined) return { kind: 'none' };
  if (!['.json', '.yaml', '.yml'].includes(extname(file))) return { kind: 'code', file };
  return { kind: 'data', file, config: await loadConfig(file) };
};
