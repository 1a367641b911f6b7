import { flatten } from './execute.ts';
import type { ExecuteResult, ResolveInput } from './messages.ts';
import type { ActivityDeps } from './ports.ts';

/** Settles an effect of which nobody knew, by what a person found out. */
export const resolve = async (deps: ActivityDeps, input: ResolveInput): Promise<ExecuteResult> =>
  flatten(await deps.gateway.resolve(input));
