import type { Scope } from './approval-rule.ts';
import type { PendingDecision, Vote } from './decision.ts';
import { defined } from './defined.ts';
import { type DeskState, updateDecision } from './desk.ts';
import { canonicalJson, digestJson } from './digest.ts';
import { cutText, type JsonObject } from './json.ts';
import type { DecisionMessage } from './messages.ts';
import type { Review } from './proposal.ts';
import { SIZES } from './sizes.ts';
import { addVote, namesOf } from './votes.ts';

/** What was said beside yes by those who approved so far. The last one decides for all, so it is kept, and carried. */
export type Gathered = {
  /** Of the question. */
  readonly id: string;
  /** The narrowest. */
  readonly scope: Scope;
  readonly same?: readonly string[];
  readonly text?: string;
  /** Arguments that one of them put in the place of the model's, with the review of them; of an effect, what it returned. */
  readonly args?: JsonObject;
  readonly review?: Review;
};

const WIDTH: Record<Scope, number> = { once: 0, values: 1, tool: 2 };

type Reach = { readonly scope?: Scope | undefined; readonly same?: readonly string[] | undefined };

/** How far two people let it reach: no further than each of them. Without `same` all arguments stay the same. */
const narrower = (one: Reach, other: Reach): Pick<Gathered, 'scope' | 'same'> => {
  const [a, b] = [one.scope ?? 'once', other.scope ?? 'once'];
  if (a !== b) {
    const narrow = WIDTH[a] < WIDTH[b] ? one : other;
    return { scope: narrow.scope ?? 'once', ...defined({ same: narrow.same }) };
  }
  if (a !== 'values' || one.same === undefined || other.same === undefined) return { scope: a };
  return { scope: a, same: [...new Set([...one.same, ...other.same])] };
};

const joinTexts = (before: string | undefined, vote: Vote, text: string | undefined): string | undefined => {
  if (text === undefined) return before;
  const said = `${vote.by}: ${text}`;
  return cutText(before === undefined ? said : `${before}\n${said}`, SIZES.humanText);
};

const gather = (before: Gathered | undefined, id: string, { message, vote }: Cast): Gathered => ({
  id,
  ...narrower(before ?? message, message),
  ...defined({
    text: joinTexts(before?.text, vote, message.text),
    args: before?.args ?? message.args,
    review: before?.review,
  }),
});

/** An approval, and what was said with it. */
export type Cast = { readonly message: DecisionMessage; readonly vote: Vote };

const gatheredOf = (desk: DeskState, id: string): Gathered | undefined => desk.gathered.find((each) => each.id === id);

/** Keeps what was said with a question's votes. */
const keep = (desk: DeskState, gathered: Gathered): void => {
  const at = desk.gathered.findIndex(({ id }) => id === gathered.id);
  if (at < 0) desk.gathered.push(gathered);
  else desk.gathered[at] = gathered;
};

const SHOWN_OUTPUT = 400;

/**
 * INVARIANT A3: what an effect returned goes into its undo, so all who say that it happened say the same of it: nobody puts words to
 * the yes of others. @returns why an approval does not count beside those that were given
 */
export const refuseOther = (
  desk: DeskState,
  { id, kind }: PendingDecision,
  { args }: DecisionMessage,
): string | undefined => {
  const before = gatheredOf(desk, id);
  if (kind !== 'effect' || before === undefined) return undefined;
  if (digestJson(before.args ?? null) === digestJson(args ?? null)) return undefined;
  const said = before.args === undefined ? 'gave no output' : `gave the output ${canonicalJson(before.args)}`;
  return `who approved before ${cutText(said, SHOWN_OUTPUT)}; your approval has to be of the same "args"`;
};

/** Counts an approval toward the quorum. @returns the question with one vote more */
export const castVote = (desk: DeskState, pending: PendingDecision, cast: Cast): PendingDecision => {
  const voted = { ...pending, votes: addVote(pending, cast.vote) };
  keep(desk, gather(gatheredOf(desk, pending.id), pending.id, cast));
  updateDecision(desk, voted);
  return voted;
};

/** Begins anew with arguments that one of them changed: what runs if the others approve them as well. */
export const castEdit = (
  desk: DeskState,
  id: string,
  { message, vote, ...edit }: Cast & { readonly args: JsonObject; readonly review?: Review | undefined },
): void => keep(desk, { ...gather(undefined, id, { message, vote }), scope: 'once', ...defined(edit) });

/** The decision of all who approved: their names, the narrowest reach, all that they said, the arguments as they were changed. */
export const decisionOfAll = (
  desk: DeskState,
  pending: PendingDecision,
  cast: Cast,
): { readonly message: DecisionMessage; readonly votes: readonly Vote[]; readonly review: Review | undefined } => {
  const votes = addVote(pending, cast.vote);
  const { scope, same, text, args, review } = gather(gatheredOf(desk, pending.id), pending.id, cast);
  const reach = scope === 'once' ? {} : defined({ scope, same });
  return {
    message: { name: 'approve', target: pending.id, by: namesOf(votes), ...reach, ...defined({ text, args }) },
    votes,
    review,
  };
};
