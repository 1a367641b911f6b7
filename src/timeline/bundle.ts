import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, type WorkflowBundleOption } from '@temporalio/worker';

const findBundle = async (): Promise<WorkflowBundleOption> => {
  const built = fileURLToPath(new URL('../workflow-bundle.js', import.meta.url));
  if (existsSync(built)) return { codePath: built };
  return await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../workflows/index.ts', import.meta.url)),
    logger: new DefaultLogger('WARN'),
  });
};

let found: Promise<WorkflowBundleOption> | undefined;

/** The workflow code: the bundle that the build made; from sources, one is made now, once in a process. */
export const workflowBundle = async (): Promise<WorkflowBundleOption> => await (found ??= findBundle());
