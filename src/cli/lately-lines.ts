import type { TaskEvent } from '../domain/record.ts';
import { eventText } from './event-text.ts';
import type { Paint } from './terminal.ts';
import { ago } from './text.ts';

/** What explains how a task stands, of all that happened beside its steps. What waits is shown as it is. */
const TOLD: ReadonlySet<string> = new Set([
  'decision',
  'vote',
  'reminded',
  'escalated',
  'expired',
  'withdrawn',
  'revoked',
  'refused',
  'ignored',
  'escalation',
  'loop',
  'review',
  'breaker',
  'retried',
  'compensation',
  'pause',
  'resume',
  'limit',
  'fallback',
]);

const SHOWN = 8;

/** The last events that say why a task stands as it does. */
export const latelyOf = (events: readonly TaskEvent[]): readonly TaskEvent[] =>
  events.filter(({ type }) => TOLD.has(type)).slice(-SHOWN);

/** Those events, a line each. */
export const latelyLines = (events: readonly TaskEvent[], paint: Paint): string[] =>
  events.map(({ at, type, detail }) => `  ${paint.dim(ago(at).padStart(10))}  ${eventText({ type, detail })}`);
