import type { Approval } from '../activities/messages.ts';
import type { Deciders, HumanDecision, PendingDecision } from '../domain/decision.ts';
import { defined } from '../domain/defined.ts';
import type { DeskEvent } from '../domain/desk-event.ts';
import type { TracedStanding } from '../domain/record.ts';
import type { Carried } from '../workflows/state.ts';
import type { AtDesk } from './progress-event.ts';

/** What only a report tells; what else happens to a question is seen by what waits before and after. */
const REPORTED: ReadonlySet<DeskEvent['type']> = new Set(['decided', 'expired', 'withdrawn', 'revoked']);

type What = Pick<AtDesk, 'what'> & Partial<Pick<AtDesk, 'human' | 'roles'>>;

const NOBODY: Deciders = { roles: [], quorum: 1, verified: false, not: [] };

/** What is needed of a question once it is over. */
type Seen = Pick<PendingDecision, 'votes'> & Pick<AtDesk, 'then'>;

const thenOf = ({ timeline = [] }: PendingDecision): AtDesk['then'] =>
  timeline.find((step) => step.do === 'expire')?.then ?? null;

const factsOf = (pending: PendingDecision, { what, human = null, roles }: What): AtDesk => {
  const { id, kind, tool, reasons, question, rule = null, votes = [], who = NOBODY } = pending;
  const { code, message } = reasons[0] ?? { code: '', message: '' };
  const asked = { why: question ?? message, code, rule, roles: roles ?? who.roles, quorum: who.quorum };
  const approvers = votes.map(({ by }) => by);
  const by = { approvals: votes.length, approvers, then: thenOf(pending), allowed: null, human };
  return { type: 'desk', what, id, kind, tool, ...asked, ...by };
};

/** Whoever allows another share of a budget than was offered says yes to it; tasks of before called that an edit. */
const humanOf = ({ kind, human }: DeskEvent): AtDesk['human'] =>
  kind === 'review' && human?.decision === 'edited' ? { ...human, decision: 'approved' } : (human ?? null);

/** What a report tells. Approvals of a question that is over without them are not in it: they were seen while it waited. */
const toldBy = (event: DeskEvent, seen: Seen | undefined): AtDesk => {
  const { type, decisionId, kind, tool, summary, codes, rule, roles, quorum } = event;
  const human = humanOf(event);
  const asked = { why: summary, code: codes[0] ?? '', rule, roles, quorum };
  const approvers = (human?.votes ?? seen?.votes ?? []).map(({ by }) => by);
  const by = { approvals: approvers.length, approvers, then: seen?.then ?? null, allowed: null, human };
  return { type: 'desk', what: type, id: decisionId, kind, tool, ...asked, ...by };
};

/** Approvals that came since a question was last seen. */
const votesSince = (before: PendingDecision | undefined, now: PendingDecision): AtDesk[] => {
  const { votes = [] } = now;
  const seen = before?.votes?.length ?? 0;
  return votes.slice(seen).map((vote, index) => {
    const human: HumanDecision = { decision: 'approved', by: vote.by, verified: true, at: vote.at, votes: [vote] };
    return { ...factsOf(now, { what: 'voted', human }), approvals: seen + index + 1 };
  });
};

/** The step that was taken because nobody decided. Where a long question was cut, its steps are not there. */
const stepsSince = ({ timeline: before = [] }: PendingDecision, now: PendingDecision): AtDesk[] => {
  const [step, ...later] = before;
  const isTaken = step !== undefined && now.timeline?.[0]?.at === later[0]?.at;
  if (!isTaken) return [];
  if (step.do === 'remind') return [factsOf(now, { what: 'reminded' })];
  return step.do === 'escalate' ? [factsOf(now, { what: 'escalated', roles: step.roles })] : [];
};

/** What happened at the desk of a task, as its histories tell: by what waits before and after, and by what was reported. */
export class DeskReader {
  #pending: readonly PendingDecision[] = [];
  /** A new run reports again what the run before may not have. */
  readonly #reported = new Set<string>();
  readonly #standing = new Map<string, TracedStanding>();
  /** By id: what a plain yes allows further. */
  readonly #shares = new Map<string, Readonly<Record<string, number>>>();
  /** By id: what a question was like when it was last seen. */
  readonly #seen = new Map<string, Seen>();

  get pending(): readonly PendingDecision[] {
    return this.#pending;
  }

  /** Yeses that reach further than one call. */
  get standing(): readonly TracedStanding[] {
    return [...this.#standing.values()];
  }

  /** What a run was handed, where the run before it is not there any more. */
  takeOver({ desk, standing = [] }: Carried): void {
    this.#pending = desk.pending;
    for (const each of desk.pending) this.#see(each);
    for (const each of standing) this.#stands(each);
  }

  /** What waits from now on. @returns what happened to it */
  waits(pending: readonly PendingDecision[]): AtDesk[] {
    const before = new Map(this.#pending.map((each) => [each.id, each]));
    this.#pending = pending;
    for (const each of pending) this.#see(each);
    return pending.flatMap((now) => {
      const old = before.get(now.id);
      const asked = old === undefined ? [factsOf(now, { what: 'asked' })] : stepsSince(old, now);
      return [...asked, ...votesSince(old, now)];
    });
  }

  #see(pending: PendingDecision): void {
    const { id, share, votes = [] } = pending;
    if (share !== undefined) this.#shares.set(id, share);
    // A question that expired and stays has its timeline no more; neither has one that had to be cut.
    this.#seen.set(id, { votes, then: thenOf(pending) ?? this.#seen.get(id)?.then ?? null });
  }

  /** The task has ended: nothing waits. */
  ended(): void {
    this.#pending = [];
  }

  /** What a task told its store. @param named by id: another share than was offered @returns what only this tells */
  reported(events: readonly DeskEvent[], named: (id: string) => AtDesk['allowed'] | undefined): AtDesk[] {
    const fresh = events.filter(({ id }) => !this.#reported.has(id));
    return fresh.flatMap((event) => {
      this.#reported.add(event.id);
      const told = toldBy(event, this.#seen.get(event.decisionId));
      const { what, id, human } = told;
      if (what === 'revoked') this.#standing.delete(id);
      else if (human !== null) this.#granted(told, human);
      if (!REPORTED.has(what)) return [];
      const allowed = human?.decision === 'approved' ? (named(id) ?? this.#shares.get(id) ?? null) : null;
      return [{ ...told, allowed }];
    });
  }

  /** By whose word a call runs. */
  approved(tool: string, { id, human }: Approval): void {
    const used = human.standing === undefined ? undefined : this.#standing.get(human.standing);
    if (used !== undefined) this.#standing.set(used.id, { ...used, uses: used.uses + 1 });
    // `taskId/epoch/decision`
    else this.#granted({ id: id?.split('/').at(-1) ?? '', tool }, human);
  }

  #granted({ id, tool }: Pick<AtDesk, 'id' | 'tool'>, human: Omit<HumanDecision, 'args'>): void {
    const { scope = 'once', by, verified, at, standing } = human;
    if (scope === 'once' || standing !== undefined || id === '' || this.#standing.has(id)) return;
    this.#stands({ id, tool, scope, verified, at, uses: 0, ...defined({ by }) });
  }

  #stands({ id, tool, scope, by, verified, at, uses }: TracedStanding): void {
    this.#standing.set(id, { id, tool, scope, verified, at, uses, ...defined({ by }) });
  }
}
