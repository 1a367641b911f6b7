import type { WorkflowInterceptors } from '@temporalio/workflow';
import { refuseSignal } from './doors.ts';
import { payloadConverter } from './payload-converter.ts';

/**
 * Names that begin like this are the SDK's own: it throws for a signal of such a name that nothing handles. Anyone may send one,
 * and an error there wedges the run for good.
 */
const RESERVED = '__temporal_';

type Activate = NonNullable<NonNullable<WorkflowInterceptors['internals']>[number]['activate']>;
type Job = NonNullable<Parameters<Activate>[0]['activation']['jobs']>[number];

const rename = ({ signalWorkflow }: Job): void => {
  if (signalWorkflow?.signalName?.startsWith(RESERVED) !== true) return;
  signalWorkflow.signalName = `reserved: ${signalWorkflow.signalName}`;
};

const isRefused = ({ signalWorkflow }: Job): boolean => {
  if (signalWorkflow == null) return false;
  const [payload] = signalWorkflow.input ?? [];
  return refuseSignal(
    signalWorkflow.signalName ?? '',
    payload === undefined ? undefined : payloadConverter.fromPayload(payload),
  );
};

/**
 * Takes what an activation brings one by one, in its order, and leaves out signals that are plainly wrong: of each that it takes, the
 * SDK makes several promises and traces them. Thousands of them in one workflow task would last longer than a workflow may
 * run, and that ends the worker with all its tasks.
 */
const activate: Activate = (input, next) => {
  const jobs = input.activation.jobs ?? [];
  for (const job of jobs) rename(job);
  // Nobody listens before the first line of a run.
  if (jobs.some(({ initializeWorkflow }) => initializeWorkflow != null)) return next(input);
  for (const job of jobs) {
    if (!isRefused(job)) next({ ...input, activation: { ...input.activation, jobs: [job] } });
  }
};

/** Found by this name when the bundle is made. */
export const interceptors = (): WorkflowInterceptors => ({ internals: [{ activate }] });
