import type { Compensation } from './compensation.ts';
import type { Digest } from './digest.ts';
import type { JsonObject } from './json.ts';
import type { Review } from './proposal.ts';
import type { Standing } from './standing.ts';
import type { Outcome, TaskStatus, Usage } from './task.ts';
import type { TranscriptItem } from './transcript.ts';

/** What is kept of a step beside its transcript items. */
export type StepRecord = {
  readonly n: number;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly durationMs: number;
  readonly model: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costUsd: number;
  readonly window?: number | undefined;
  readonly promptDigest: string;
  readonly reviews: readonly Review[];
};

/** Something that happened beside the steps. */
export type TaskEvent = { readonly at: string; readonly type: string; readonly detail: unknown };

/** Where the audit trail stood when an activity ended; what `seq` and `hash` are checked against. */
export type RecordedAnchor = { readonly seq: number; readonly hash: Digest };

/** A yes that reaches further than one call, as a trace shows it. */
export type TracedStanding = Pick<Standing, 'id' | 'tool' | 'scope' | 'by' | 'verified' | 'at' | 'uses'>;

/** Everything a trace is made from, whether the workflow kept it or it was read from event history. */
export type TaskRecord = {
  readonly taskId: string;
  readonly status: TaskStatus;
  readonly spec: unknown;
  readonly outcome?: Outcome | undefined;
  readonly steps: readonly StepRecord[];
  readonly items: readonly TranscriptItem[];
  readonly events: readonly TaskEvent[];
  /** What was spent outside of steps: on grants, and by calls that cost something. */
  readonly besides?: Pick<Usage, 'inputTokens' | 'outputTokens' | 'costUsd'>;
  /** By call id: what came of undoing it. */
  readonly compensations?: ReadonlyMap<string, Compensation>;
  readonly plan?: JsonObject | undefined;
  readonly anchors?: readonly RecordedAnchor[];
  readonly standing?: readonly TracedStanding[];
};
