import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';

/** Workflow code as a worker takes it: a file that the build made, or code made now. */
export type WorkflowBundle = { readonly codePath: string } | { readonly code: string };

const source = (name: string): string => fileURLToPath(new URL(`./workflows/${name}.ts`, import.meta.url));

/**
 * Loaded once for all cached workflows instead of once for each. Only `domain/` may stand here: it is pure and keeps no
 * state, so nothing can leak from one workflow into another.
 */
const SHARED = [
  'compensation',
  'decision',
  'desk',
  'digest',
  'failures',
  'hidden-text',
  'json',
  'limits',
  'markdown',
  'messages',
  'page',
  'proposal',
  'sizes',
  'trace',
  'transcript',
];
const shared = SHARED.map((name) => fileURLToPath(new URL(`./domain/${name}.ts`, import.meta.url)));

/**
 * Bundles the workflows from their sources; about a second.
 * @param interceptors paths of further modules with workflow interceptors
 */
export const bundleWorkflows = (interceptors: readonly string[] = []): Promise<{ readonly code: string }> =>
  bundleWorkflowCode({
    workflowsPath: source('index'),
    workflowInterceptorModules: [source('interceptors'), ...interceptors],
    payloadConverterPath: source('payload-converter'),
    preloadModules: shared,
    logger: new DefaultLogger('WARN'),
  });

/** The bundle that the build made; where this runs from sources, one is made now. */
export const findBundle = async (): Promise<WorkflowBundle> => {
  const built = fileURLToPath(new URL('./workflow-bundle.js', import.meta.url));
  return existsSync(built) ? { codePath: built } : bundleWorkflows();
};
