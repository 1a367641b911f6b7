import { isRecord } from '../domain/json.ts';
import { decodeAll, type HistoryEvent } from './history.ts';
import type { Refused } from './progress-event.ts';

/** What somebody sent. */
export type Message = { readonly name: string; readonly payload: unknown; readonly from: string };

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** What a message decides, by its own name (`approve s3.c1 7f3a`) or by what came with it. */
const targetOf = ({ name, payload }: Message) => {
  const [decision = '', ...target] = name.split(' ');
  const fields = isRecord(payload) ? payload : {};
  const named = [fields['id'], fields['callId'], fields['questionId']].find((each) => typeof each === 'string');
  return { decision, id: target.length > 0 ? target.join('-') : text(named) };
};

/** Updates of a task: those that were accepted, and what became of them. */
export class Updates {
  readonly #accepted = new Map<string, Message>();

  /** What came with an accepted update. */
  accept(event: HistoryEvent): Message {
    const { input, meta } = event.workflowExecutionUpdateAcceptedEventAttributes?.acceptedRequest ?? {};
    const [payload = null] = decodeAll(input?.args);
    const message = { name: text(input?.name), payload, from: text(meta?.identity) };
    this.#accepted.set(text(meta?.updateId), message);
    return message;
  }

  /** Why an update that was accepted did not count, as its sender was told; undefined: it did. */
  refusal(event: HistoryEvent): Omit<Refused, 'type'> | undefined {
    const { meta, outcome } = event.workflowExecutionUpdateCompletedEventAttributes ?? {};
    const id = text(meta?.updateId);
    const message = this.#accepted.get(id);
    this.#accepted.delete(id);
    const reason = text(outcome?.failure?.message);
    return message === undefined || reason === '' ? undefined : { ...targetOf(message), reason };
  }
}
