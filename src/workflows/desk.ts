import { ApplicationFailure } from '@temporalio/common';
import * as wf from '@temporalio/workflow';
import type { DecisionName, PendingDecision } from '../domain/decision.ts';
import { findDecision, openDecision, ruleDecision, type Ruling, withdrawDecision } from '../domain/desk.ts';
import { checkControl, checkDecision, type Checked } from '../domain/messages.ts';
import { checks, readable } from './activities.ts';
import type { TaskState } from './state.ts';
import { showPage, showPending } from './visibility.ts';

/** Where rulings wait for the loop. */
export type Rulings = Map<string, Ruling>;

/** What an accepted message answers with. */
export type Acknowledged = { readonly status: string; readonly pending: readonly string[]; readonly decided?: string };

const DESCRIPTIONS: Record<DecisionName, string> = {
  approve: 'Let the one pending call run. Empty input is fine, or {"callId","args","note","by"}.',
  deny: 'Refuse the one pending call; the reason goes to the agent. Empty, or {"callId","reason","by"}.',
  answer: 'Answer the agent’s question: {"text":"…","by":"…"}.',
};

const CONTROLS = {
  pause: { field: 'reason', description: 'Stop before the next step. Empty input is fine, or {"reason":"…"}.' },
  resume: { field: 'guidance', description: 'Go on. Empty input is fine, or {"guidance":"words for the agent"}.' },
} as const;

/** The message handlers of a task. A signal cannot be refused, so its refusals stand on the page; an update's go to its sender. */
export class Desk {
  readonly #task: TaskState;
  readonly #rulings: Rulings = new Map();

  constructor(task: TaskState) {
    this.#task = task;
  }

  /** Registers all handlers. Synchronously at the start: signals may be there before the first line of the loop. */
  register(): void {
    for (const name of ['approve', 'deny', 'answer'] as const) this.#handle(name, name);
    for (const name of ['pause', 'resume'] as const) this.#control(name);
    wf.setDefaultSignalHandler((name) => {
      this.#ignore(name, 'no decision of that name is pending; see the list of signals, or reload the page');
    });
  }

  /** Puts a question before people and waits, without time counting, for the first valid decision. */
  async ask(pending: PendingDecision): Promise<Ruling> {
    this.open(pending);
    return this.ruling(pending.id);
  }

  open(pending: PendingDecision): void {
    openDecision(this.#task.desk, pending);
    this.#named(pending, true);
    showPending(this.#task);
  }

  /** Waits for the decision of an open question. */
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
      this.#named(pending, false);
    }
    if (open.length > 0) showPending(this.#task);
  }

  /** INVARIANT A2: handlers of a decision's own name, found in the UI's list, gone once decided. */
  #named(pending: PendingDecision, isOpen: boolean): void {
    const what = pending.kind === 'answer' ? 'the question' : pending.tool;
    for (const name of ['approve', 'deny', 'answer'] as const) {
      if (!pending.may.includes(name)) continue;
      const wire = `${name} ${pending.id.replace('-', ' ')}`;
      if (isOpen) this.#handle(name, wire, pending.id, `${name}: ${what}. ${DESCRIPTIONS[name].split('.')[0]}.`);
      else {
        wf.setHandler(wf.defineSignal(wire), undefined);
        wf.setHandler(wf.defineUpdate(wire), undefined);
      }
    }
  }

  #handle(name: DecisionName, wire: string, target?: string, description = DESCRIPTIONS[name]): void {
    wf.setHandler(
      wf.defineSignal<[unknown?]>(wire),
      async (payload) => {
        const refusal = await this.#decide(name, payload, target);
        if (refusal !== undefined) this.#ignore(wire, refusal);
      },
      { description },
    );
    wf.setHandler(
      wf.defineUpdate<Acknowledged, [unknown]>(wire),
      async (payload) => {
        if (this.#isRepeat()) return this.#acknowledge();
        const refusal = await this.#decide(name, payload, target);
        if (refusal !== undefined) throw refuse(refusal);
        return this.#acknowledge();
      },
      { description, validator: (payload) => this.#validate(name, payload, target) },
    );
  }

  /** Refuses what is plainly wrong before the update is accepted. Synchronous: an async validator wedges the run. */
  #validate(name: DecisionName, payload: unknown, target?: string): void {
    const id = wf.currentUpdateInfo()?.id;
    if (id !== undefined && this.#task.updates.includes(id)) return;
    const checked = checkDecision(name, payload, target);
    const found: Checked<unknown> = checked.ok ? findDecision(this.#task.desk, checked.value, Date.now()) : checked;
    if (!found.ok) throw refuse(found.refusal);
  }

  /** INVARIANT A4: the server forgets update ids at continue-as-new; the task does not. */
  #isRepeat(): boolean {
    const id = wf.currentUpdateInfo()?.id;
    return id !== undefined && this.#task.seenUpdate(id);
  }

  #acknowledge(): Acknowledged {
    const { status, desk } = this.#task;
    return { status, pending: desk.pending.map(({ id }) => id) };
  }

  /** Takes a decision. @returns why not, in words for the sender */
  async #decide(name: DecisionName, payload: unknown, target?: string): Promise<string | undefined> {
    const { desk } = this.#task;
    const checked = checkDecision(name, payload, target);
    if (!checked.ok) return checked.refusal;
    const found = findDecision(desk, checked.value, Date.now());
    if (!found.ok) return found.refusal;
    // From here on the message means this decision, whatever else is opened while edited arguments are reviewed.
    const bare = checked.value.target === undefined;
    const message = { ...checked.value, target: found.value.id };
    const digest = message.args === undefined ? undefined : await this.#reviewEdit(found.value, message.args);
    if (digest !== undefined && !digest.ok) return digest.refusal;
    const ruled = ruleDecision(desk, message, Date.now());
    if (!ruled.ok) return ruled.refusal;
    const last = desk.ruled.at(-1);
    if (bare && last !== undefined) desk.ruled[desk.ruled.length - 1] = { ...last, bare };
    const pending = digest === undefined ? ruled.value.pending : { ...ruled.value.pending, digest: digest.value };
    this.#rulings.set(pending.id, { ...ruled.value, pending });
    this.#named(pending, false);
    this.#task.event('decision', { id: pending.id, decision: name, by: message.by });
    showPending(this.#task);
    return undefined;
  }

  /** Edited arguments are validated and authorized before they count. @returns the digest of what will run */
  async #reviewEdit(pending: PendingDecision, args: unknown): Promise<Checked<PendingDecision['digest']>> {
    const call = { id: pending.callId, tool: pending.tool, args };
    const summary = `check edited arguments of ${pending.callId}`;
    try {
      const { context } = this.#task.admitted;
      const review = readable(await checks.review.executeWithOptions({ summary }, [{ context, call }]));
      if (review.verdict.outcome === 'reject') {
        return { ok: false, refusal: `the edited arguments were refused: ${review.verdict.reasons.map(({ message }) => message).join('; ')}` };
      }
      return { ok: true, value: review.digest ?? pending.digest };
    } catch (error) {
      if (wf.isCancellation(error)) throw error;
      return { ok: false, refusal: 'the edited arguments could not be checked; try again' };
    }
  }

  #control(name: 'pause' | 'resume'): void {
    const { field, description } = CONTROLS[name];
    const act = (payload: unknown): string | undefined => {
      const checked = checkControl(field, payload);
      if (!checked.ok) return checked.refusal;
      const task = this.#task;
      const isChange = task.paused !== (name === 'pause');
      if (!isChange && name === 'pause') return 'the task is paused already';
      if (!isChange && checked.value === undefined) return 'the task is not paused';
      task.paused = name === 'pause';
      if (name === 'resume' && checked.value !== undefined) task.said.push(checked.value);
      task.event(name, checked.value === undefined ? {} : { [field]: checked.value });
      if (isChange && task.admission !== undefined) showPending(task);
      return undefined;
    };
    wf.setHandler(
      wf.defineSignal<[unknown?]>(name),
      (payload) => {
        const refusal = act(payload);
        if (refusal !== undefined) this.#ignore(name, refusal);
      },
      { description },
    );
    wf.setHandler(
      wf.defineUpdate<Acknowledged, [unknown]>(name),
      (payload) => {
        const refusal = this.#isRepeat() ? undefined : act(payload);
        if (refusal !== undefined) throw refuse(refusal);
        return this.#acknowledge();
      },
      {
        description,
        validator: (payload) => {
          const checked = checkControl(field, payload);
          if (!checked.ok) throw refuse(checked.refusal);
        },
      },
    );
  }

  /** Records a signal that counted for nothing, where its sender looks. */
  #ignore(name: string, refusal: string): void {
    this.#task.event('ignored', { message: name.slice(0, 100), reason: refusal });
    showPage(this.#task);
  }
}

const refuse = (message: string): ApplicationFailure => ApplicationFailure.nonRetryable(message, 'Decision.Refused');
