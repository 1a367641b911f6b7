import type { Delivery, Outbox } from '../gateway/desk-ports.ts';
import type { ToolLog } from '../tools/tool.ts';
import { backoffMs, GIVE_UP_MS } from './backoff.ts';
import type { Endpoint } from './endpoint.ts';
import { type Sent, send } from './send.ts';

/** Failures in a row after which an endpoint counts as having been down: the next success then hurries what waits. */
const DOWN_AFTER = 3;

/** What a courier works with. */
export type CourierSettings = {
  readonly outbox: Outbox;
  readonly log: ToolLog;
  /** Ends what is being sent. */
  readonly signal: AbortSignal;
};

/** Brings messages to one endpoint, and remembers how that went. */
export class Courier {
  readonly #endpoint: Endpoint;
  readonly #settings: CourierSettings;
  /** Failures since the last success. */
  #failures = 0;

  constructor(endpoint: Endpoint, settings: CourierSettings) {
    this.#endpoint = endpoint;
    this.#settings = settings;
  }

  /** Sends one message and writes down what came of it. Throws only what the store throws; then its lease ends, and it is sent again. */
  async deliver(delivery: Delivery): Promise<void> {
    const sent = await send(this.#endpoint, delivery, this.#settings.signal);
    if (sent.kind === 'delivered') await this.#succeeded(delivery);
    else await this.#failed(delivery, sent);
  }

  async #succeeded({ id, attempts }: Delivery): Promise<void> {
    const { outbox, log } = this.#settings;
    const failures = this.#failures;
    this.#failures = 0;
    // INVARIANT: at least once. Only now is it forgotten; whoever dies before this line sends it again, under the same id.
    await outbox.delivered(id);
    if (failures === 0) return;
    log.info('webhook answers again', { endpoint: this.#endpoint.name, attempts: attempts + 1 });
    // One message that is always refused must not bring the others back again and again.
    if (failures >= DOWN_AFTER) await outbox.hurry(this.#endpoint.name);
  }

  async #failed(delivery: Delivery, sent: Exclude<Sent, { kind: 'delivered' }>): Promise<void> {
    const { outbox, log, signal } = this.#settings;
    const { id, attempts, ageMs } = delivery;
    const { name: endpoint } = this.#endpoint;
    const { error } = sent;
    if (sent.kind === 'gone' || ageMs >= GIVE_UP_MS) {
      await outbox.failed(delivery, error, null);
      log.warn('webhook message given up', { endpoint, id, attempts: attempts + 1, error });
      return;
    }
    if (!signal.aborted) this.#failures += 1;
    if (this.#failures === 1) log.warn('webhook message not delivered, tried again later', { endpoint, id, error });
    await outbox.failed(delivery, error, sent.retryAfterMs ?? backoffMs(attempts));
  }
}
