import * as wf from '@temporalio/workflow';
import { wordsFor } from '../domain/compensation.ts';
import type { DecisionName, PendingDecision } from '../domain/decision.ts';
import { findDecision, openDecision, type Ruling, ruleDecision, withdrawDecision } from '../domain/desk.ts';
import { type Checked, checkDecision, type DecisionMessage } from '../domain/messages.ts';
import type { Review } from '../domain/proposal.ts';
import { checks, readable } from './activities.ts';
import { pauseDoor, resumeDoor } from './controls.ts';
import { closeDoor, type Door, openDoor, recordIgnored } from './doors.ts';
import { situationOf } from './situation.ts';
import type { TaskState } from './state.ts';
import { showPending } from './visibility.ts';

const NAMES = ['approve', 'deny', 'answer'] as const satisfies readonly DecisionName[];

const DESCRIPTIONS = {
  approve: 'Let the one pending call run. Empty input is fine, or {"callId","args","note","by"}.',
  deny: 'Refuse the one pending call; the reason goes to the agent. Empty, or {"callId","reason","by"}.',
  answer: 'Answer the agent’s question: {"text":"…","by":"…"}.',
} as const satisfies Record<DecisionName, string>;

/** What a door of a decision's own name is for. */
const describeNamed = (name: DecisionName, pending: PendingDecision): string => {
  const { kind, tool } = pending;
  if (kind === 'effect')
    return name === 'approve'
      ? 'It happened. Empty input is fine, or {"note","by","args":{what it returned}}.'
      : 'It did not happen. Empty input is fine, or {"reason","by"}.';
  if (kind === 'compensation') {
    const { yes, no } = wordsFor(pending);
    const field = name === 'approve' ? 'note' : 'reason';
    return `${name === 'approve' ? yes : no}. Empty input is fine, or {"${field}","by"}.`;
  }
  return `${name}: ${kind === 'answer' ? 'the question' : tool}. ${DESCRIPTIONS[name].split('.')[0]}.`;
};

/** What waits for people, and the doors through which they decide. */
export class Desk {
  readonly #task: TaskState;
  /** Decisions that were made and that the loop has not taken yet. */
  readonly #rulings = new Map<string, Ruling>();

  constructor(task: TaskState) {
    this.#task = task;
  }

  /** Opens all doors. Synchronously at the start: signals may be there before the first line of the loop. */
  register(): void {
    const task = this.#task;
    for (const name of NAMES) openDoor(task, this.#door(name, { wire: name, description: DESCRIPTIONS[name] }));
    openDoor(task, pauseDoor(task));
    openDoor(task, resumeDoor(task));
    wf.setDefaultSignalHandler((name) => {
      recordIgnored(task, name, 'no decision of that name is pending; see the list of signals, or reload the page');
    });
  }

  /** Puts a question before people and waits for the first valid decision. */
  async ask(pending: PendingDecision): Promise<Ruling> {
    this.open(pending);
    return this.ruling(pending.id);
  }

  open(pending: PendingDecision): void {
    openDecision(this.#task.desk, pending);
    this.#setNamed(pending, true);
    showPending(this.#task);
  }

  /** Waits, without time counting, for the decision of an open question. */
  async ruling(id: string): Promise<Ruling> {
    const task = this.#task;
    task.stopClock();
    try {
      await wf.condition(() => this.#rulings.has(id));
    } finally {
      task.startClock();
    }
    const ruling = this.#rulings.get(id);
    if (ruling === undefined) throw new TypeError(`no ruling for ${id}`);
    this.#rulings.delete(id);
    return ruling;
  }

  /** Takes all questions off the desk: the task ends. Those about undoing come after it. */
  clear(): void {
    this.#rulings.clear();
    const open = [...this.#task.desk.pending];
    for (const pending of open) {
      withdrawDecision(this.#task.desk, pending.id);
      this.#setNamed(pending, false);
    }
    if (open.length > 0) showPending(this.#task);
  }

  /** INVARIANT A2: doors of a decision's own name, found in the UI's list, gone once decided. */
  #setNamed(pending: PendingDecision, isOpen: boolean): void {
    for (const name of NAMES.filter((each) => pending.may.includes(each))) {
      const wire = `${name} ${pending.id.replace('-', ' ')}`;
      const description = describeNamed(name, pending);
      if (isOpen) openDoor(this.#task, this.#door(name, { wire, description, target: pending.id }));
      else closeDoor(wire);
    }
  }

  #door(name: DecisionName, { target, ...texts }: { wire: string; description: string; target?: string }): Door {
    return {
      ...texts,
      check: (payload) => {
        const checked = checkDecision(name, payload, target);
        return checked.ok ? findDecision(this.#task.desk, checked.value, Date.now()) : checked;
      },
      act: async (payload) => {
        const checked = checkDecision(name, payload, target);
        return checked.ok ? this.#decide(checked.value) : checked.refusal;
      },
    };
  }

  /** Takes a decision. @returns why not, in words for the sender */
  async #decide(message: DecisionMessage): Promise<string | undefined> {
    const { desk } = this.#task;
    const found = findDecision(desk, message, Date.now());
    if (!found.ok) return found.refusal;
    // INVARIANT E7: "it happened" may carry the output; that is nothing to review.
    if (message.args === undefined || found.value.kind === 'effect') return this.#rule(found.value, message);
    const reviewed = await this.#reviewEdit(found.value, message.args);
    if (!reviewed.ok) return reviewed.refusal;
    const review = reviewed.value;
    const pending = { ...found.value, digest: review.digest ?? found.value.digest };
    // The message means the decision that was pending when it came, whatever was opened or decided during the review.
    return this.#rule(pending, { ...message, target: pending.id }, review);
  }

  #rule(pending: PendingDecision, message: DecisionMessage, review?: Review): string | undefined {
    const task = this.#task;
    const ruled = ruleDecision(task.desk, message, Date.now());
    if (!ruled.ok) return ruled.refusal;
    this.#rulings.set(pending.id, { ...ruled.value, pending, review });
    this.#setNamed(pending, false);
    task.event('decision', { id: pending.id, decision: message.name, by: message.by });
    showPending(task);
    return undefined;
  }

  /** Edited arguments are validated and authorized before they count. @returns the review of what will run */
  async #reviewEdit(pending: PendingDecision, args: unknown): Promise<Checked<Review>> {
    const call = { id: pending.callId, tool: pending.tool, args };
    const summary = `check edited arguments of ${pending.callId}`;
    try {
      const { context } = this.#task.admitted;
      const input = { context, call, situation: situationOf(this.#task) };
      const review = readable(await checks.review.executeWithOptions({ summary }, [input]));
      if (review.verdict.outcome !== 'reject') return { ok: true, value: review };
      const reasons = review.verdict.reasons.map(({ message }) => message).join('; ');
      return { ok: false, refusal: `the edited arguments were refused: ${reasons}` };
    } catch (error) {
      // Thrown on, it would end the task: an error in a signal handler fails the run.
      const why = wf.isCancellation(error) ? 'the task is being cancelled' : 'try again';
      return { ok: false, refusal: `the edited arguments could not be checked; ${why}` };
    }
  }
}
