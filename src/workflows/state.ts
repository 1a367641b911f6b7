import type { Admission, ProposeResult } from '../activities/messages.ts';
import type { Compensation, Undo } from '../domain/compensation.ts';
import type { DeniedCall } from '../domain/denied.ts';
import { type DeskState, emptyDesk, type Ruling } from '../domain/desk.ts';
import type { DeskEvent } from '../domain/desk-event.ts';
import type { JsonObject } from '../domain/json.ts';
import { emptyLoops, type LoopState } from '../domain/loops.ts';
import type { StepRecord, TaskEvent } from '../domain/record.ts';
import type { Standing } from '../domain/standing.ts';
import type { EffectRecord, OutcomeStatus, TaskStatus, Usage } from '../domain/task.ts';
import { Transcript, type TranscriptItem, type TranscriptVersion } from '../domain/transcript.ts';
import type { InFlight, Undoing } from './in-flight.ts';

/** How a task ends. */
export type End = { readonly status: OutcomeStatus; readonly reason?: string; readonly output?: unknown };

/** An answer of the model that is not settled yet. */
export type Held = Pick<ProposeResult, 'reviews' | 'final' | 'finish'>;

/** What a run hands to its successor: all of the state, as plain data (INVARIANT A4). */
export type Carried = {
  readonly admission: Admission;
  readonly items: readonly TranscriptItem[];
  readonly base: TranscriptVersion;
  readonly step: number;
  readonly usage: Usage;
  readonly effects: readonly EffectRecord[];
  readonly steps: readonly StepRecord[];
  readonly events: readonly TaskEvent[];
  readonly reads: readonly string[];
  readonly desk: DeskState;
  readonly updates: readonly string[];
  readonly activeMs: number;
  readonly invalid: number;
  readonly notes: number;
  readonly said: readonly string[];
  readonly paused: boolean;
  // Runs of before had none of these.
  readonly undo?: readonly Undo[];
  readonly compensations?: readonly (readonly [string, Compensation])[];
  readonly denied?: readonly DeniedCall[];
  readonly plan?: JsonObject | undefined;
  /** The task has ended like this, and what it did is being undone. */
  readonly end?: End | undefined;
  /** Yeses that reach further than one call. */
  readonly standing?: readonly Standing[];
  /** The budget review point was passed: it is asked once. */
  readonly isReviewed?: boolean;
  /** Happened at the desk, and not reported yet. */
  readonly unreported?: readonly DeskEvent[];
  /** What loops are found by. */
  readonly loops?: LoopState;
  /** The last answer, where a person is asked before it counts. */
  readonly held?: Held | undefined;
  /** The limit `duration` cut something off, in words; a person is asked for more time. */
  readonly timeUp?: string | undefined;
  /** The calls that were being run. */
  readonly inFlight?: InFlight | undefined;
  /** Decisions that nobody has gone by yet. */
  readonly rulings?: readonly Ruling[];
  /** What the questions were asked as, with their ids: whoever asks the same again means them. */
  readonly asked?: readonly (readonly [string, string])[];
  /** The task has ended like this, and a person is asked whether to undo what it did. */
  readonly asksToUndo?: End | undefined;
  readonly undoing?: Undoing | undefined;
  /** The task is about to end by a question that nobody decided. */
  readonly ending?: End | undefined;
};

/** Events kept in memory; all of them stand in the history anyway. */
const KEPT_EVENTS = 200;
/** Update ids kept to recognise one that comes again after continue-as-new (the server's own memory is per run). */
const KEPT_UPDATES = 200;

/** The state of a running task: one object, changed by the loop and by message handlers, passed on whole. */
export class TaskState {
  readonly spec: unknown;
  readonly taskId: string;
  readonly runId: string;
  admission: Admission | undefined;
  readonly transcript: Transcript;
  /** Where the last answer ended: what came since goes to the next `propose`. */
  base: TranscriptVersion;
  status: TaskStatus = 'running';
  step = 0;
  readonly usage: Usage = { steps: 0, toolCalls: 0, inputTokens: 0, outputTokens: 0, costUsd: 0 };
  readonly effects: EffectRecord[] = [];
  readonly steps: StepRecord[] = [];
  readonly events: TaskEvent[] = [];
  /** Allowed reads that travel with the next `propose`. */
  reads: readonly string[] = [];
  readonly desk: DeskState = emptyDesk();
  readonly updates: string[] = [];
  /** Consecutive proposals of which nothing could be used. */
  invalid = 0;
  notes = 0;
  /** What people said while a proposal was under way; it enters the transcript before the next one. */
  readonly said: string[] = [];
  paused = false;
  /** Undos of effects that began, in the order in which they began. */
  readonly undo: Undo[] = [];
  /** By call id: what came of undoing it. */
  readonly compensations = new Map<string, Compensation>();
  /** Calls that a person refused, the last ones. */
  readonly denied: DeniedCall[] = [];
  plan: JsonObject | undefined;
  /** Yeses that reach further than one call. */
  readonly standing: Standing[] = [];
  isReviewed = false;
  readonly unreported: DeskEvent[] = [];
  loops: LoopState = emptyLoops();
  /** The last answer while it is judged: a person may be asked before it counts. */
  held: Held | undefined;
  /** The limit `duration` cut something off, in words; a person is asked for more time. */
  timeUp: string | undefined;
  /** The calls that are being run. */
  inFlight: InFlight | undefined;
  /** By id of the question: decisions that were made and that the loop has not gone by yet. */
  readonly rulings = new Map<string, Ruling>();
  /** By what a question was asked as: its id by now. */
  readonly asked = new Map<string, string>();
  /** Set while a person is asked whether to undo what the ended task did. */
  asksToUndo: End | undefined;
  /** Set while a person is asked about an undo. */
  undoing: Undoing | undefined;
  /** Set once nobody decided a question in time by which the task ends: nothing of it runs any more. */
  ending: End | undefined;
  /** Set once the task has ended and what it did is being undone. */
  end: End | undefined;
  /** What the task is doing, for people. */
  doing = 'starting';
  #activeBefore = 0;
  #activeSince: number | undefined = Date.now();

  constructor(ids: { readonly taskId: string; readonly runId: string }, spec: unknown, carried?: Carried) {
    this.taskId = ids.taskId;
    this.runId = ids.runId;
    this.spec = spec;
    this.transcript = new Transcript(carried?.items);
    this.base = carried?.base ?? this.transcript.at;
    if (carried !== undefined) this.#take(carried);
  }

  #take(carried: Carried): void {
    const { step, reads, invalid, notes, paused, admission, plan, end, activeMs, held, timeUp } = carried;
    Object.assign(this, { step, reads, invalid, notes, paused, admission, plan, end, held, timeUp });
    Object.assign(this.usage, carried.usage);
    Object.assign(this.desk, carried.desk);
    this.effects.push(...carried.effects);
    this.steps.push(...carried.steps);
    this.events.push(...carried.events);
    this.updates.push(...carried.updates);
    this.said.push(...carried.said);
    this.undo.push(...(carried.undo ?? []));
    this.denied.push(...(carried.denied ?? []));
    for (const [callId, compensation] of carried.compensations ?? []) this.compensations.set(callId, compensation);
    this.#activeBefore = activeMs;
    this.#takeDesk(carried);
  }

  /** What waits for people, and what the loop was in the middle of when it began to wait. */
  #takeDesk(carried: Carried): void {
    const { isReviewed = false, loops = emptyLoops(), inFlight, asksToUndo, undoing, ending } = carried;
    const { standing = [], unreported = [], rulings = [], asked = [] } = carried;
    Object.assign(this, { isReviewed, loops, inFlight, asksToUndo, undoing, ending });
    this.standing.push(...standing);
    this.unreported.push(...unreported);
    for (const ruling of rulings) this.rulings.set(ruling.pending.id, ruling);
    for (const [key, id] of asked) this.asked.set(key, id);
  }

  /** What was resolved at admission; the loop begins after it. */
  get admitted(): Admission {
    if (this.admission === undefined) throw new TypeError('the task is not admitted yet');
    return this.admission;
  }

  /** Items that no `propose` was given yet. */
  get appended(): readonly TranscriptItem[] {
    return this.transcript.items.slice(this.base.version);
  }

  /** Milliseconds the task was active, without waits for people and pauses. */
  get activeMs(): number {
    return this.#activeBefore + (this.#activeSince === undefined ? 0 : Date.now() - this.#activeSince);
  }

  /** Stops the clock of the limit `duration`. */
  stopClock(): void {
    this.#activeBefore = this.activeMs;
    this.#activeSince = undefined;
  }

  startClock(): void {
    this.#activeSince ??= Date.now();
  }

  event(type: string, detail: unknown): void {
    this.events.push({ at: new Date(Date.now()).toISOString(), type, detail });
    if (this.events.length > KEPT_EVENTS) this.events.shift();
  }

  /** Moves what people said into the transcript; only between proposals, whose base must not move under them. */
  takeSaid(): void {
    for (const text of this.said.splice(0)) this.note('human', text);
  }

  note(from: 'human' | 'platform', text: string): void {
    this.notes += 1;
    this.transcript.append({ kind: 'note', id: `n${this.notes}`, from, text });
  }

  /** INVARIANT A4. @returns whether this update was processed before, perhaps by an earlier run */
  seenUpdate(id: string): boolean {
    if (this.updates.includes(id)) return true;
    this.updates.push(id);
    if (this.updates.length > KEPT_UPDATES) this.updates.shift();
    return false;
  }

  /** An update that was refused is not processed. */
  forgetUpdate(id: string): void {
    const at = this.updates.indexOf(id);
    if (at >= 0) this.updates.splice(at, 1);
  }

  carry(): Carried {
    const { admitted: admission, base, step, usage, effects, steps, events, reads, desk, updates, activeMs } = this;
    const { invalid, notes, said, paused, undo, denied, plan, end, standing, isReviewed, unreported, loops, held } =
      this;
    const { inFlight, asksToUndo, undoing, timeUp, ending } = this;
    return {
      admission,
      items: this.transcript.items,
      base,
      step,
      usage,
      effects,
      steps,
      events,
      reads,
      desk,
      updates,
      activeMs,
      invalid,
      notes,
      said,
      paused,
      undo,
      compensations: [...this.compensations],
      denied,
      plan,
      end,
      standing,
      isReviewed,
      unreported,
      loops,
      held,
      timeUp,
      inFlight,
      rulings: [...this.rulings.values()],
      asked: [...this.asked],
      asksToUndo,
      undoing,
      ending,
    };
  }
}
