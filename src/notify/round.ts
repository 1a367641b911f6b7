import type { Delivery } from '../gateway/desk-ports.ts';
import { Courier, type CourierSettings } from './courier.ts';
import type { Endpoint } from './endpoint.ts';
import { Pause } from './pause.ts';

/** Messages that are sent to one endpoint at the same time. */
const AT_ONCE = 8;
/** Longer than an attempt takes, for the store to be told of it. */
const LEASE_MARGIN_MS = 30_000;
/** So many times longer is the pause when there was nothing to do for a while. */
const IDLE = 10;

/** What a round goes by. */
export type RoundSettings = Omit<CourierSettings, 'signal'> & { readonly pollMs: number };

/** Brings one endpoint its messages. INVARIANT: each endpoint has a round of its own, so a dead one delays no other. */
export class Round {
  readonly #endpoint: Endpoint;
  readonly #settings: RoundSettings;
  readonly #courier: Courier;
  readonly #breakOff = new AbortController();
  readonly #pause = new Pause();
  readonly #sending = new Set<Promise<void>>();
  readonly #running: Promise<void>;
  #isStopped = false;
  #waitMs: number;

  constructor(endpoint: Endpoint, settings: RoundSettings) {
    this.#endpoint = endpoint;
    this.#settings = settings;
    this.#waitMs = settings.pollMs;
    this.#courier = new Courier(endpoint, { ...settings, signal: this.#breakOff.signal });
    this.#running = this.#run();
  }

  /** There may be something new: looks now. */
  wake(): void {
    this.#waitMs = this.#settings.pollMs;
    this.#pause.end();
  }

  /** Takes no more, and waits so long for what is being sent; then that is broken off. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopped = true;
    this.#pause.end();
    const timer = setTimeout(() => this.#breakOff.abort(), graceMs);
    // What a claim that is under way brings is sent as well.
    await this.#running;
    await Promise.all(this.#sending);
    clearTimeout(timer);
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      await this.#turn().catch((error: unknown) => {
        this.#waitMs = this.#settings.pollMs * IDLE;
        this.#report(error);
      });
      if (!this.#isStopped) await this.#pause.take(this.#waitMs);
    }
  }

  async #turn(): Promise<void> {
    const { pollMs, outbox } = this.#settings;
    const limit = AT_ONCE - this.#sending.size;
    const leaseMs = this.#endpoint.timeoutMs + LEASE_MARGIN_MS;
    const claimed = limit === 0 ? [] : await outbox.claim(this.#endpoint.name, { limit, leaseMs });
    for (const delivery of claimed) this.#send(delivery);
    this.#waitMs = this.#sending.size > 0 ? pollMs : Math.min(this.#waitMs * 2, pollMs * IDLE);
  }

  #send(delivery: Delivery): void {
    const sent = this.#courier
      .deliver(delivery)
      .catch((error: unknown) => this.#report(error))
      .finally(() => {
        this.#sending.delete(sent);
        // There is room again, and there may be more.
        this.#pause.end();
      });
    this.#sending.add(sent);
  }

  #report(error: unknown): void {
    this.#settings.log.warn('webhooks wait for the control store', {
      endpoint: this.#endpoint.name,
      message: error instanceof Error ? error.message : String(error),
    });
  }
}
