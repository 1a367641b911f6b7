import { z } from 'zod';
import { DESK_EVENTS, type DeskEventType } from '../desk-event.ts';
import { Duration, durationMs, parseDuration } from './duration.ts';

/** What an endpoint is told of where nothing is said. */
const DEFAULT_EVENTS: readonly DeskEventType[] = ['asked', 'reminded', 'escalated', 'expired', 'decided'];

const MAX_TIMEOUT_MS = 30_000;

const LOCAL = new Set(['localhost', '127.0.0.1', '[::1]']);

/** What speaks against a URL; undefined: nothing. */
const wrongWith = (text: string): string | undefined => {
  const url = URL.parse(text);
  if (url === null || !['https:', 'http:'].includes(url.protocol)) return 'expected an https URL';
  if (url.username !== '' || url.password !== '')
    return 'user and password do not belong in the URL: messages are signed';
  return url.protocol === 'https:' || LOCAL.has(url.hostname) ? undefined : 'http is for localhost only; use https';
};

const WebUrl = z.string().check(({ value, issues }) => {
  const message = wrongWith(value);
  if (message !== undefined) issues.push({ code: 'custom', message, input: value });
});

const Webhook = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9][\w.-]{0,59}$/, 'a webhook name has letters, digits and . _ -, and at most 60 of them')
    .describe('Stays when the URL changes: what waits for it is then sent there'),
  url: WebUrl.describe('https; http for localhost only'),
  secret: z
    .strictObject(
      { env: z.string().min(1) },
      'name the variable that holds the secret: { "env": "OPS_WEBHOOK_SECRET" }',
    )
    .describe('What messages are signed with: whsec_… in base64, or any text of 24 bytes or more'),
  events: z
    .array(z.enum(DESK_EVENTS))
    .min(1)
    .optional()
    .describe(`By default ${DEFAULT_EVENTS.join(', ')}`),
  timeout: Duration.optional()
    .refine((text) => (parseDuration(text ?? '') ?? 0) <= MAX_TIMEOUT_MS, 'expected at most 30s')
    .describe('For one attempt, 10s by default'),
  uiUrl: WebUrl.optional().describe('Where people reach the Temporal UI: messages then hold a link to the task'),
});

/** `webhooks` of a configuration: who is told of what happens at the desk. */
export const Webhooks = z
  .array(Webhook)
  .max(20)
  .check(({ value, issues }) => {
    for (const [index, { name }] of value.entries()) {
      if (value.findIndex((each) => each.name === name) === index) continue;
      issues.push({ code: 'custom', message: `the name ${name} stands twice`, path: [index], input: value });
    }
  });
/** Configured webhooks. */
export type Webhooks = z.infer<typeof Webhooks>;

/** A webhook as the platform goes by it, without its secret. */
export type WebhookPlan = {
  readonly name: string;
  readonly url: string;
  readonly events: readonly DeskEventType[];
  readonly timeoutMs: number;
  readonly uiUrl?: string | undefined;
};

/** Webhooks with their defaults. */
export const toWebhookPlan = ({
  name,
  url,
  events = [...DEFAULT_EVENTS],
  timeout = '10s',
  uiUrl,
}: Webhooks[number]): WebhookPlan => ({
  name,
  url,
  events,
  timeoutMs: durationMs(timeout),
  uiUrl,
});
