import type { Outbox } from '../gateway/desk-ports.ts';
import type { ToolLog } from '../tools/tool.ts';
import type { Endpoint } from './endpoint.ts';
import { Round } from './round.ts';

/** What a relay works with. */
export type RelayOptions = {
  readonly outbox: Outbox;
  readonly endpoints: readonly Endpoint[];
  readonly log: ToolLog;
  /** How often the outbox is asked while there is work, 1 s by default; up to ten times as long while there is none. */
  readonly pollMs?: number | undefined;
  /** How long `stop` waits for what is being sent, 5 s by default; then it is broken off, and sent again by whoever comes next. */
  readonly graceMs?: number | undefined;
};

/** Sends what is in the outbox, until it is stopped. */
export type Relay = {
  /** There may be something new: looks now. */
  readonly wake: () => void;
  readonly stop: () => Promise<void>;
};

/** Brings the messages of the outbox to their endpoints, each at least once. Any number of workers may do so. */
export const startRelay = ({ endpoints, pollMs = 1_000, graceMs = 5_000, ...rest }: RelayOptions): Relay => {
  const rounds = endpoints.map((endpoint) => new Round(endpoint, { ...rest, pollMs }));
  return {
    wake: () => {
      for (const round of rounds) round.wake();
    },
    stop: async () => {
      await Promise.all(rounds.map(async (round) => await round.stop(graceMs)));
    },
  };
};
