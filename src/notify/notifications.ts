import type { Webhooks } from '../domain/schemas/webhooks.ts';
import { redactorFor } from '../domain/secrets.ts';
import type { DeskLog, MessageMaker } from '../gateway/desk-ports.ts';
import type { ControlStore } from '../gateway/ports.ts';
import type { ToolLog } from '../tools/tool.ts';
import { buildEndpoints } from './endpoint.ts';
import { createMessageMaker } from './message.ts';
import { startRelay } from './relay.ts';

/** What notifications are made of. */
export type NotificationsOptions = {
  readonly webhooks: Webhooks;
  readonly store: Pick<ControlStore, 'deskLog' | 'outbox'>;
  readonly namespace: string;
  /** Reads a secret from the environment. @throws ConfigError */
  readonly secrets: (env: string, usedFor: string) => string;
  /** Values that no message may hold. */
  readonly known: readonly string[];
  readonly log: ToolLog;
};

/** What activities need to notify somebody. */
export type Notifications = {
  /** Names of those who are told. */
  readonly endpoints: readonly string[];
  readonly messages: MessageMaker;
  /** The record of the desk; what it puts into the outbox is sent at once. */
  readonly deskLog: DeskLog;
  readonly stop: () => Promise<void>;
};

/** Tells configured webhooks of what happens at the desk. @throws ConfigError when a secret is missing or too weak */
export const startNotifications = (options: NotificationsOptions): Notifications => {
  const { webhooks, store, namespace, secrets, known, log } = options;
  const endpoints = buildEndpoints(webhooks, secrets);
  const relay = startRelay({ outbox: store.outbox, endpoints, log });
  return {
    endpoints: endpoints.map(({ name }) => name),
    messages: createMessageMaker(endpoints, { namespace, redact: redactorFor(known) }),
    deskLog: {
      ...store.deskLog,
      record: async (...report) => {
        const anchor = await store.deskLog.record(...report);
        relay.wake();
        return anchor;
      },
    },
    stop: relay.stop,
  };
};
