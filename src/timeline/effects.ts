import type { ExecuteInput, ExecuteResult } from '../activities/messages.ts';
import type { Compensated } from '../activities/ports.ts';
import type { Compensation, Undo } from '../domain/compensation.ts';
import { defined } from '../domain/defined.ts';
import { idempotencyKey } from '../domain/idempotency-key.ts';
import type { EffectRecord } from '../domain/task.ts';
import type { Carried } from '../workflows/state.ts';

type Recorded = { readonly undo: Undo | undefined; readonly record: EffectRecord };

const LEFT = { compensated: 'compensated', failed: 'compensation_failed' } as const;

/** The effects of a task as its history tells of them, in the order in which they began. */
export class EffectLog {
  readonly #effects = new Map<string, Recorded>();
  readonly compensations = new Map<string, Compensation>();

  /** Effects of runs whose history is not there any more. */
  carried({ effects, undo = [], compensations = [] }: Carried): void {
    for (const record of effects) {
      const { callId } = record;
      this.#effects.set(callId, { record, undo: undo.find((each) => each.callId === callId) });
    }
    for (const [callId, compensation] of compensations) this.compensations.set(callId, compensation);
  }

  /** A call was scheduled: from now on its effect may have happened. */
  began({ context, call, plan }: ExecuteInput): void {
    const { id: callId, tool, args } = call;
    const key = idempotencyKey(context, callId, args);
    const { timeoutMs, taskQueue, risk } = plan;
    this.#effects.delete(callId);
    this.#effects.set(callId, {
      record: { callId, tool, key, status: 'unknown' },
      undo: { callId, tool, args, key, timeoutMs, ...defined({ taskQueue, risk }) },
    });
  }

  /** A call had its result; one that did not run is no effect. */
  ended(callId: string, { status, ask }: ExecuteResult): void {
    const known = this.#effects.get(callId);
    if (known === undefined) return;
    if (ask !== undefined || status === 'rejected') this.#effects.delete(callId);
    else this.#set(callId, status === 'replayed' ? 'succeeded' : status);
  }

  /** An undo was tried. */
  undone(callId: string, { status, message }: Compensated): void {
    this.compensations.set(callId, { status, ...(message === undefined ? {} : { message }) });
    if (status === 'compensated' || status === 'failed') this.#set(callId, LEFT[status]);
    else if (status === 'nothing' && this.#effects.get(callId)?.record.status === 'unknown')
      this.#set(callId, 'failed');
  }

  #set(callId: string, status: EffectRecord['status']): void {
    const known = this.#effects.get(callId);
    if (known !== undefined) this.#effects.set(callId, { ...known, record: { ...known.record, status } });
  }

  get records(): EffectRecord[] {
    return [...this.#effects.values()].map(({ record }) => record);
  }

  /** What may have to be taken back, in the order in which it began. */
  get undo(): Undo[] {
    return [...this.#effects.values()].flatMap(({ undo, record }) =>
      undo === undefined || record.status === 'compensated' ? [] : [undo],
    );
  }
}
