/**
 * Payload bounds, in bytes. INVARIANT H1: nothing over 256 KB goes into heartbeat details, over 1 MB into a query page or
 * into the input of a new run; the server refuses more than 2 MB, and a refused payload wedges or ends a run.
 */
export const SIZES = {
  /** A task specification. It stands in the history twice: as the workflow's and as `admit`'s input. */
  spec: 256 * 1024,
  /** One tool result as the model sees it; longer ones are cut with a marker. */
  toolOutput: 32 * 1024,
  /** Arguments of one call. */
  toolArgs: 64 * 1024,
  /** A model's answer: kept in heartbeat details together with the results of the reads before it. */
  modelAnswer: 120 * 1024,
  /** Heartbeat details. */
  heartbeat: 256 * 1024,
  /** Instructions and tools of an agent. */
  setup: 512 * 1024,
  /** New items that are sent along with `propose`; more are fetched by query, in pages. */
  appended: 512 * 1024,
  /** Refused calls that every step is told of. */
  denied: 32 * 1024,
  /** All pending decisions in the memo. */
  memo: 128 * 1024,
  /** One pending decision in the answer to a query: there, arguments stand whole. */
  pendingWhole: 200 * 1024,
  /** One page of a query's answer; the SDK warns from 512 KB on. */
  queryPage: 480 * 1024,
  /** What a run may hand to its successor. */
  continueAsNew: 900 * 1024,
  /** A person's note, guidance or answer. */
  humanText: 16 * 1024,
  /** One pending decision in the memo and on the page. */
  pending: 8 * 1024,
  /** Roles of one voter. They travel with the question, the decision, every event of it, and every approval that stands by it. */
  voteRoles: 512,
  /** All voters of a question that is too large to be shown whole; of more, name and issuer stand there in `voterName` each. */
  votesShown: 2 * 1024,
  voterName: 60,
  /** What happened at the desk, as one activity is told. */
  report: 256 * 1024,
  /** The final output of a task. */
  output: 256 * 1024,
} as const;

/** How many reads may travel with one proposal: their results and the answer must fit heartbeat details together. */
export const MAX_TRAVELLING_READS = 4;

/** How many reads one activity runs: its result stays under what the server takes. */
export const MAX_READS = 16;
