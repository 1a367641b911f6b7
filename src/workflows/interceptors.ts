import type { WorkflowInterceptors } from '@temporalio/workflow';

/**
 * Names that begin like this are the SDK's own: it throws for a signal of such a name that nothing handles. Anyone may send one,
 * and an error there wedges the run for good.
 */
const RESERVED = '__temporal_';

/** Found by this name when the bundle is made: signals of reserved names come to the handler of those that mean nothing. */
export const interceptors = (): WorkflowInterceptors => ({
  internals: [
    {
      activate: (input, next) => {
        for (const { signalWorkflow } of input.activation.jobs ?? []) {
          if (signalWorkflow?.signalName?.startsWith(RESERVED) !== true) continue;
          signalWorkflow.signalName = `reserved: ${signalWorkflow.signalName}`;
        }
        next(input);
      },
    },
  ],
});
