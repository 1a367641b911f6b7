import type { Acknowledged, ProgressEvent, TaskHandle, TaskState } from '../client.ts';
import type { PendingDecision } from '../domain/decision.ts';
import type { Outcome } from '../domain/task.ts';
import { askDecision } from './ask.ts';
import { decideLines } from './decide-lines.ts';
import { pendingLines } from './pending-lines.ts';
import { progressLines, underWay } from './progress-lines.ts';
import { ProgressView } from './progress-view.ts';
import type { Said } from './sending.ts';
import { notePaint } from './terminal.ts';
import { oneLine } from './text.ts';
import { votesText } from './who-text.ts';
import { readWhole } from './whole.ts';

/** How following a task ended; the task itself has ended only with `ended`. */
export type FollowEnd =
  | { readonly kind: 'ended'; readonly outcome: Outcome }
  | { readonly kind: 'waits'; readonly state: TaskState }
  | { readonly kind: 'interrupted' };

/** What to follow, and what to do when a person is needed. */
export type FollowOptions = {
  readonly task: TaskHandle;
  /** `ask` in this terminal; `tell` how to decide and go on watching; `stop`. */
  readonly onWaiting: 'ask' | 'tell' | 'stop';
  /** Sends what was decided at this terminal. */
  readonly decide: (callId: string, said: Said) => Promise<Acknowledged>;
  /** Whether it is signed. */
  readonly canSign: boolean;
  /** The task in the Temporal UI. */
  readonly page: string | null;
  /** Called when nothing happened for a while; gives a hint, or null. */
  readonly onQuiet: () => Promise<string | null>;
  /** Ends following with `interrupted`. */
  readonly signal: AbortSignal;
};

const QUIET_MS = 3_000;

type Question = { readonly id: string; readonly withdrawn: AbortController };

class Follower {
  readonly #options: FollowOptions;
  readonly #view = new ProgressView();
  readonly #stop = new AbortController();
  readonly #told = new Set<string>();
  #question: Question | undefined;
  #end: FollowEnd | undefined;
  #lastHint: string | null = null;
  #isChecking = false;

  constructor(options: FollowOptions) {
    this.#options = options;
  }

  async follow(): Promise<FollowEnd> {
    const { task, signal } = this.#options;
    const stop = AbortSignal.any([signal, this.#stop.signal]);
    const timer = setInterval(() => void this.#lookQuietly(), QUIET_MS);
    try {
      for await (const event of task.progress({ signal: stop })) await this.#take(event);
      return this.#end ?? { kind: 'interrupted' };
    } catch (error) {
      if (stop.aborted) return this.#end ?? { kind: 'interrupted' };
      throw error;
    } finally {
      clearInterval(timer);
      this.#question?.withdrawn.abort();
      this.#view.close();
    }
  }

  async #take(event: ProgressEvent): Promise<void> {
    const doing = underWay(event);
    if (doing !== undefined) this.#view.doing(doing);
    this.#view.write(progressLines(event, notePaint));
    if (event.type === 'ended') this.#end = { kind: 'ended', outcome: event.outcome };
    // History also tells of waits that are long over; what holds now is asked of the server.
    else if (event.type === 'waiting' || event.type === 'message' || this.#question !== undefined)
      this.#see(await this.#options.task.status());
  }

  /** Between events: an activity that is retried shows in the state only. */
  async #lookQuietly(): Promise<void> {
    if (this.#isChecking || this.#end !== undefined) return;
    this.#isChecking = true;
    try {
      const state = await this.#options.task.status();
      this.#see(state);
      this.#say(await this.#hint(state));
    } catch {
      // The stream of progress reports a server that went away, and in better words.
    } finally {
      this.#isChecking = false;
    }
  }

  async #hint({ activity, pending }: TaskState): Promise<string | null> {
    if (activity !== null && activity.lastFailure !== null) {
      return `${oneLine(activity.type, 40)}, attempt ${activity.attempt}, after: ${oneLine(activity.lastFailure, 240)}`;
    }
    return pending.length > 0 ? null : await this.#options.onQuiet();
  }

  #say(hint: string | null): void {
    if (hint !== null && hint !== this.#lastHint) this.#view.write([`     ${notePaint.yellow('↻')} ${hint}`]);
    this.#lastHint = hint;
  }

  #see(state: TaskState): void {
    const { onWaiting } = this.#options;
    const { pending, status } = state;
    if (this.#question !== undefined && !pending.some(({ id }) => id === this.#question?.id))
      this.#question.withdrawn.abort();
    if (onWaiting === 'stop' && (pending.length > 0 || status === 'paused')) this.#finish({ kind: 'waits', state });
    else if (onWaiting === 'ask') this.#askNext(pending);
    else this.#tell(pending);
  }

  #finish(end: FollowEnd): void {
    this.#end = end;
    this.#stop.abort();
  }

  #tell(pending: readonly PendingDecision[]): void {
    for (const each of pending) {
      if (this.#told.has(each.id)) continue;
      this.#told.add(each.id);
      this.#view.write([...pendingLines(each, notePaint), ...decideLines(each, notePaint, this.#options.page)]);
    }
  }

  #askNext(pending: readonly PendingDecision[]): void {
    const next = pending.find(({ id }) => !this.#told.has(id));
    if (this.#question !== undefined || next === undefined) return;
    this.#told.add(next.id);
    this.#question = { id: next.id, withdrawn: new AbortController() };
    void this.#ask(next, this.#question.withdrawn.signal).catch((error: unknown) => {
      this.#view.write([
        `     ${notePaint.red('!')} ${oneLine(error instanceof Error ? error.message : String(error), 400)}`,
      ]);
    });
  }

  async #ask(listed: PendingDecision, withdrawn: AbortSignal): Promise<void> {
    const { task, canSign, page } = this.#options;
    const pending = await readWhole(task, listed);
    this.#view.write(pendingLines(pending, notePaint));
    this.#view.hold();
    const asking = { signal: withdrawn, canSign, later: 'Decide later; keep watching' };
    const chosen = await askDecision(pending, asking).finally(() => {
      this.#question = undefined;
      this.#view.release();
    });
    if (withdrawn.aborted) {
      this.#view.write([notePaint.dim(`     ${oneLine(pending.id, 40)} was decided elsewhere`)]);
    } else if (chosen.choice === 'said') {
      await this.#send(pending, chosen.said);
    } else if (chosen.choice === 'later') {
      this.#view.write(decideLines(pending, notePaint, page));
    } else {
      this.#finish({ kind: 'interrupted' });
      return;
    }
    this.#see(await task.status());
  }

  async #send({ id }: PendingDecision, said: Said): Promise<void> {
    const { task, decide } = this.#options;
    try {
      await decide(id, said);
    } catch (error) {
      // Refused arguments, say: the question is still open and is put again.
      this.#told.delete(id);
      throw error;
    }
    for (const each of (await task.status()).pending.filter(({ votes = [] }) => votes.length > 0)) {
      this.#told.add(each.id);
      this.#view.write([
        notePaint.dim(`     ${oneLine(each.id, 40)} waits for others, too; approved: ${votesText(each)}`),
      ]);
    }
  }
}

/**
 * Follows a task live on stderr until it has ended, or nothing more is to be seen here.
 * @throws what the server's connection throws when it is lost; the task goes on
 */
export const followTask = async (options: FollowOptions): Promise<FollowEnd> => await new Follower(options).follow();
