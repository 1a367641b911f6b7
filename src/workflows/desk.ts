import * as wf from '@temporalio/workflow';
import type { DecisionName, PendingDecision } from '../domain/decision.ts';
import { findDecision, openDecision, type Ruling, ruleDecision, withdrawDecision } from '../domain/desk.ts';
import { type Checked, checkDecision, type DecisionMessage } from '../domain/messages.ts';
import { checks, readable } from './activities.ts';
import { pauseDoor, resumeDoor } from './controls.ts';
import { closeDoor, type Door, openDoor, recordIgnored } from './doors.ts';
import type { TaskState } from './state.ts';
import { showPending } from './visibility.ts';

const NAMES = ['approve', 'deny', 'answer'] as const satisfies readonly DecisionName[];

const DESCRIPTIONS = {
  approve: 'Let the one pending call run. Empty input is fine, or {"callId","args","note","by"}.',
  deny: 'Refuse the one pending call; the reason goes to the agent. Empty, or {"callId","reason","by"}.',
  answer: 'Answer the agent’s question: {"text":"…","by":"…"}.',
} as const satisfies Record<DecisionName, string>;

/** For an effect of which nobody knows whether it happened. */
const EFFECT_DESCRIPTIONS = {
  approve: 'It happened. Empty input is fine, or {"note","by"}.',
  deny: 'It did not happen. Empty input is fine, or {"reason","by"}.',
  answer: '',
} as const satisfies Record<DecisionName, string>;

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

  /** Takes all questions off the desk: the task ends. */
  clear(): void {
    const open = [...this.#task.desk.pending];
    for (const pending of open) {
      withdrawDecision(this.#task.desk, pending.id);
      this.#setNamed(pending, false);
    }
    if (open.length > 0) showPending(this.#task);
  }

  /** INVARIANT A2: doors of a decision's own name, found in the UI's list, gone once decided. */
  #setNamed(pending: PendingDecision, isOpen: boolean): void {
    const what = pending.kind === 'answer' ? 'the question' : pending.tool;
    for (const name of NAMES.filter((each) => pending.may.includes(each))) {
      const wire = `${name} ${pending.id.replace('-', ' ')}`;
      const description =
        pending.kind === 'effect'
          ? EFFECT_DESCRIPTIONS[name]
          : `${name}: ${what}. ${DESCRIPTIONS[name].split('.')[0]}.`;
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
    if (message.args === undefined) return this.#rule(found.value, message);
    const digest = await this.#reviewEdit(found.value, message.args);
    if (!digest.ok) return digest.refusal;
    // The message means the decision that was pending when it came, whatever was opened or decided during the review.
    return this.#rule({ ...found.value, digest: digest.value }, { ...message, target: found.value.id });
  }

  #rule(pending: PendingDecision, message: DecisionMessage): string | undefined {
    const task = this.#task;
    const ruled = ruleDecision(task.desk, message, Date.now());
    if (!ruled.ok) return ruled.refusal;
    this.#rulings.set(pending.id, { ...ruled.value, pending });
    this.#setNamed(pending, false);
    task.event('decision', { id: pending.id, decision: message.name, by: message.by });
    showPending(task);
    return undefined;
  }

  /** Edited arguments are validated and authorized before they count. @returns the digest of what will run */
  async #reviewEdit(pending: PendingDecision, args: unknown): Promise<Checked<PendingDecision['digest']>> {
    const call = { id: pending.callId, tool: pending.tool, args };
    const summary = `check edited arguments of ${pending.callId}`;
    try {
      const { context } = this.#task.admitted;
      const review = readable(await checks.review.executeWithOptions({ summary }, [{ context, call }]));
      if (review.verdict.outcome !== 'reject') return { ok: true, value: review.digest ?? pending.digest };
      const reasons = review.verdict.reasons.map(({ message }) => message).join('; ');
      return { ok: false, refusal: `the edited arguments were refused: ${reasons}` };
    } catch (error) {
      // Thrown on, it would end the task: an error in a signal handler fails the run.
      const why = wf.isCancellation(error) ? 'the task is being cancelled' : 'try again';
      return { ok: false, refusal: `the edited arguments could not be checked; ${why}` };
    }
  }
}
