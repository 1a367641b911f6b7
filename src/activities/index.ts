import { Context } from '@temporalio/activity';
import { admit } from './admit.ts';
import { compensate } from './compensate.ts';
import { execute } from './execute.ts';
import type {
  AdmitInput,
  CompensateInput,
  ExecuteInput,
  NarrowGrantsInput,
  ProposeInput,
  ReadInput,
  ReportInput,
  ResolveInput,
  ReviewInput,
  VerifyDecisionInput,
} from './messages.ts';
import { narrowGrants } from './narrow-grants.ts';
import type { ActivityDeps, TranscriptSource } from './ports.ts';
import { propose } from './propose.ts';
import { read } from './read.ts';
import { report } from './report.ts';
import { resolve } from './resolve.ts';
import { review } from './review.ts';
import { createTranscriptCache } from './transcript-cache.ts';
import { verifyDecision } from './verify-decision.ts';

/** A query that no worker answers must not hold the activity for ever. */
const QUERY_TIMEOUT_MS = 15_000;

/** The task's own workflow, asked by run id (INVARIANT H3). */
const workflowSource = (): TranscriptSource => {
  const { info, client } = Context.current();
  const execution = info.workflowExecution;
  if (execution === undefined) throw new TypeError('propose runs inside a task only');
  const handle = client.workflow.getHandle(execution.workflowId, execution.runId);
  return {
    page: (request) =>
      client.connection.withDeadline(Date.now() + QUERY_TIMEOUT_MS, () => handle.query('transcript', request)),
  };
};

/** The activities of a worker, over its parts. */
export const createActivities = (deps: ActivityDeps) => {
  const cache = createTranscriptCache();
  return {
    admit: (input: AdmitInput) => admit(deps, input),
    propose: (input: ProposeInput) => propose({ ...deps, cache, source: workflowSource }, input),
    read: (input: ReadInput) => read(deps, input),
    execute: (input: ExecuteInput) => execute(deps, input),
    review: (input: ReviewInput) => review(deps, input),
    resolve: (input: ResolveInput) => resolve(deps, input),
    compensate: (input: CompensateInput) => compensate(deps, input),
    verifyDecision: (input: VerifyDecisionInput) => verifyDecision(deps, input),
    report: (input: ReportInput) => report(deps, input),
    narrowGrants: (input: NarrowGrantsInput) => narrowGrants(deps, input),
  };
};

/** The activities as the workflow sees them. */
export type Activities = ReturnType<typeof createActivities>;
