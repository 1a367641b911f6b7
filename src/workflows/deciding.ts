import { DECISION_NAMES, type DecisionName, type PendingDecision } from '../domain/decision.ts';
import { defined } from '../domain/defined.ts';
import {
  isTaken,
  type ProvenDecision,
  type Ruling,
  replaceDecision,
  ruleDecision,
  ruleProven,
} from '../domain/desk.ts';
import { asMeant, findDecision, isEdit } from '../domain/find-decision.ts';
import { type Checked, checkDecision, type DecisionMessage } from '../domain/messages.ts';
import type { Review } from '../domain/proposal.ts';
import { type Cast, castEdit, castVote, decisionOfAll, refuseOther } from '../domain/quorum.ts';
import { replacementOf } from '../domain/replacement.ts';
import { asksProof, hasVoted, mayDecide, type Proof, quorumOf, refuseClaim, toVote } from '../domain/votes.ts';
import { DESCRIPTIONS, describeNamed } from './door-words.ts';
import type { Door } from './doors.ts';
import { Proving } from './proving.ts';
import { noteAtDesk } from './reports.ts';
import type { TaskState } from './state.ts';

/** What the desk is told of. Each is called synchronously, after the state of the desk has changed. */
export type Told = {
  /** A decision counts: the question has left the desk. Its `pending.id` may be another one than was asked: see `onReplace`. */
  readonly onRuling: (ruling: Ruling) => void;
  /** An approval counts toward a quorum: the question stays, with one vote more. */
  readonly onVote: (pending: PendingDecision) => void;
  /** A question took the place of another: arguments were changed where several people decide. Who waits for `before` waits for `after`. */
  readonly onReplace: (before: PendingDecision, after: PendingDecision) => void;
};

const refuse = (refusal: string) => ({ ok: false, refusal }) as const;

/** A share of a budget is no argument of a tool. */
const isReviewed = (message: DecisionMessage, pending: PendingDecision): boolean =>
  isEdit(message, pending) && pending.kind !== 'review';

/** The doors through which people decide, and what makes a message count. */
export class Deciding {
  readonly #task: TaskState;
  readonly #told: Told;
  readonly #proving: Proving;

  constructor(task: TaskState, told: Told) {
    this.#task = task;
    this.#told = told;
    this.#proving = new Proving(task);
  }

  /** The doors that are always there, for messages that name nothing, or name it in their input. */
  get doors(): readonly Door[] {
    return DECISION_NAMES.map((name) => this.#door(name, { wire: name, description: DESCRIPTIONS[name] }));
  }

  /** INVARIANT A2: doors of a decision's own name, found in the UI's list, gone once decided. */
  doorsOf(pending: PendingDecision): readonly Door[] {
    return DECISION_NAMES.filter((name) => pending.may.includes(name)).map((name) => {
      const wire = `${name} ${pending.id.replace('-', ' ')}`;
      return this.#door(name, { wire, description: describeNamed(name, pending), target: pending.id });
    });
  }

  #door(name: DecisionName, { target, ...texts }: { wire: string; description: string; target?: string }): Door {
    return {
      ...texts,
      check: (payload) => {
        const checked = checkDecision(name, payload, target);
        return checked.ok ? this.#findNow(checked.value) : checked;
      },
      act: async (payload) => {
        const checked = checkDecision(name, payload, target);
        return checked.ok ? this.#decide(checked.value) : checked.refusal;
      },
    };
  }

  /** Whom a message would decide. INVARIANT A3: where proof is asked for, a claim is refused before anything else happens. */
  #find(message: DecisionMessage): Checked<PendingDecision> {
    const found = findDecision(this.#task.desk, message, Date.now());
    if (!found.ok || message.token !== undefined || !asksProof(found.value.who)) return found;
    return refuse(refuseClaim(found.value, message.name));
  }

  /** Whom a message would decide, where it can be looked at now. */
  #findNow(message: DecisionMessage): Checked<PendingDecision> {
    const found = this.#find(message);
    if (!found.ok) return found;
    const why = this.#proving.whyNotNow(message, isReviewed(message, found.value));
    return why === undefined ? found : refuse(why);
  }

  /** Takes a decision. @returns why not, in words for the sender */
  async #decide(said: DecisionMessage): Promise<string | undefined> {
    const found = this.#find(said);
    if (!found.ok) return found.refusal;
    const pending = found.value;
    // Whatever is opened or decided while it is checked, it means the question that was pending when it came.
    const named = { ...said, target: pending.id };
    if (said.token === undefined) {
      const message = asMeant(said, pending);
      if (!isReviewed(message, pending)) return this.#rule(ruleDecision(this.#task.desk, message, Date.now()));
      const reviewed = await this.#proving.review(pending, message.args);
      if (!reviewed.ok) return reviewed.refusal;
      return this.#rule(ruleDecision(this.#task.desk, named, Date.now()), reviewed.value);
    }
    const proof = await this.#proving.prove(pending, said);
    return proof.ok ? this.#decideProven(named, proof.value) : proof.refusal;
  }

  async #decideProven(said: DecisionMessage, proof: Proof): Promise<string | undefined> {
    const found = this.#findFor(said, proof);
    if (!found.ok) return found.refusal;
    const message = asMeant(said, found.value);
    if (!isReviewed(message, found.value)) return this.#cast(message, proof);
    const reviewed = await this.#proving.review(found.value, message.args);
    return reviewed.ok ? this.#cast(message, proof, reviewed.value) : reviewed.refusal;
  }

  /** The question that a proven message decides, as it is now: it may be decided, expired, or gone to others since the message came. */
  #findFor(message: DecisionMessage, proof: Proof): Checked<PendingDecision> {
    const found = this.#find(message);
    if (!found.ok) return found;
    const why = mayDecide(found.value.who, proof);
    return why === undefined ? found : refuse(why);
  }

  /** Takes the word of one who proved who they are: a decision, or one of the approvals that it takes. Synchronous. */
  #cast(said: DecisionMessage, proof: Proof, review?: Review): string | undefined {
    const found = this.#findFor(said, proof);
    if (!found.ok) return found.refusal;
    const pending = found.value;
    const message = { ...said, by: proof.by };
    const cast: Cast = { message, vote: toVote(proof, pending.who, Date.now()) };
    const quorum = quorumOf(pending);
    if (message.name !== 'approve' || quorum === 1) {
      return this.#ruleProven({ message, votes: [cast.vote] }, review);
    }
    if (message.args !== undefined && isEdit(message, pending)) {
      return this.#replace(pending, { ...cast, args: message.args, review });
    }
    const other = refuseOther(this.#task.desk, pending, message);
    if (other !== undefined) return other;
    const votes = pending.votes ?? [];
    if (hasVoted(pending, proof.by)) return `your approval counts already; ${votes.length} of ${quorum}`;
    if (votes.length + 1 < quorum) return this.#vote(castVote(this.#task.desk, pending, cast), cast);
    const all = decisionOfAll(this.#task.desk, pending, cast);
    return this.#ruleProven(all, all.review);
  }

  #ruleProven(decision: ProvenDecision, review: Review | undefined): string | undefined {
    return this.#rule(ruleProven(this.#task.desk, decision, Date.now()), review);
  }

  #rule(ruled: Checked<Ruling>, review?: Review): string | undefined {
    if (!ruled.ok) return ruled.refusal;
    const { message, pending, votes } = ruled.value;
    const verified = votes === undefined ? {} : { verified: true };
    this.#task.event('decision', { id: pending.id, decision: message.name, by: message.by, ...verified });
    // INVARIANT A1: what was approved is what was reviewed.
    const digest = review?.digest ?? pending.digest;
    this.#told.onRuling({ ...ruled.value, pending: { ...pending, digest }, review });
    return undefined;
  }

  /** Other arguments than the others approved: their votes are void, and they are asked about these. */
  #replace(pending: PendingDecision, edit: Parameters<typeof castEdit>[2]): string | undefined {
    const { desk } = this.#task;
    const next = replacementOf(pending, edit, (id) => isTaken(desk, id));
    replaceDecision(desk, { id: pending.id, next }, Date.now());
    castEdit(desk, next.id, edit);
    this.#task.event('replaced', { id: pending.id, by: edit.vote.by, next: next.id });
    this.#told.onReplace(pending, next);
    return this.#vote(next, edit);
  }

  #vote(pending: PendingDecision, { message, vote }: Cast): undefined {
    const task = this.#task;
    const { votes = [] } = pending;
    task.event('vote', { id: pending.id, by: vote.by, votes: `${votes.length} of ${quorumOf(pending)}` });
    const { by, at } = vote;
    const human = {
      decision: 'approved',
      by,
      verified: true,
      at,
      votes: [vote],
      ...defined({ note: message.text }),
    } as const;
    noteAtDesk(task, 'voted', { pending, human });
    this.#told.onVote(pending);
  }
}
