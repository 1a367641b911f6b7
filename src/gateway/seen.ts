import type { Change } from '../domain/decision.ts';
import type { Digest } from '../domain/digest.ts';
import { jsonBytes } from '../domain/json.ts';
import type { Reason } from '../domain/proposal.ts';
import { type BeforeImage, hasBefore, takeNamed } from './before-image.ts';
import { changeOf, MAX_CHANGE } from './change.ts';
import type { ValidFlight } from './flight.ts';

/** What is known of what a call would change, when a person is asked about it. */
export type Seen = {
  /** Of the before-image; absent where there is none. */
  readonly digest?: Digest;
  readonly change?: Change;
  /** Why there is less to see than there could be. */
  readonly notice?: Reason;
};

const notice = (why: string): Reason => ({
  code: 'change_unknown',
  message: `what it would change cannot be shown: ${why}`,
});

/** What is known where the before-image could not be taken; `why` is absent where there is none to take. */
export const notSeen = (why: string | undefined): Seen => (why === undefined ? {} : { notice: notice(why) });

/** Time for all before-images and previews of one review, milliseconds: the review of an edit has ten seconds. */
const REVIEW_MS = 5_000;
/** What all changes of one review are shown with, bytes: a model may propose hundreds of calls at once. */
const REVIEW_BYTES = 16 * MAX_CHANGE;
/** Before-images that are taken at the same time. */
const LANES = 4;

/** The before-image of a call that is asked about at its execution: already taken, so that it is compared and shown alike. */
export const seeAgain = async (flight: ValidFlight, { image, digest }: BeforeImage): Promise<Seen> => {
  const { change, problem } = await changeOf(flight, image, Math.min(flight.tool.timeoutMs, REVIEW_MS));
  return { digest, change, ...(problem === undefined ? {} : { notice: notice(problem) }) };
};

const look = async (flight: ValidFlight, endMs: number): Promise<Seen> => {
  const leftMs = () => Math.min(flight.tool.timeoutMs, endMs - Date.now());
  if (leftMs() <= 0) return notSeen('there was no time left to look');
  const taken = await takeNamed(flight, leftMs());
  if (taken.kind === 'none') return {};
  if (taken.kind === 'failed') return notSeen(taken.why);
  const { image, digest } = taken.before;
  const { change, problem } = await changeOf(flight, image, Math.max(1, leftMs()));
  return { digest, change, ...(problem === undefined ? {} : { notice: notice(problem) }) };
};

/**
 * Looks at what the calls of one review would change, each once: a few at a time, in a bounded time, with a bounded size.
 * A tool on a task queue of its own is not looked at: its system may be out of reach from here. What it would change is then no
 * part of the approval. Never throws.
 */
export const createLook = (): ((flight: ValidFlight) => Promise<Seen>) => {
  const endMs = Date.now() + REVIEW_MS;
  const lanes: Promise<unknown>[] = [];
  let next = 0;
  let bytes = REVIEW_BYTES;
  const bounded = ({ change, ...seen }: Seen): Seen => {
    if (change === undefined) return seen;
    bytes -= jsonBytes(change);
    return { ...seen, change: bytes < 0 ? { isCut: true } : change };
  };
  return async (flight) => {
    if (!hasBefore(flight.tool) || flight.tool.taskQueue !== undefined) return {};
    const lane = next++ % LANES;
    const seen = (lanes[lane] ?? Promise.resolve()).then(() => look(flight, endMs)).then(bounded);
    lanes[lane] = seen;
    return seen;
  };
};
