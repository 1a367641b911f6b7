import type { Tool } from '../tool.ts';
import { plan } from './plan.ts';
import { wait } from './wait.ts';

export { readArtifact } from './read-artifact.ts';

/** The built-in tools that agents in plain configuration may name. */
export const BUILT_IN_TOOLS: Readonly<Record<string, Tool>> = { wait, plan };
