import { Buffer } from 'node:buffer';
import { ConfigError } from '../config-error.ts';
import { toWebhookPlan, type WebhookPlan, type Webhooks } from '../domain/schemas/webhooks.ts';

/** Who is told of what happens at the desk. */
export type Endpoint = WebhookPlan & {
  /** What messages are signed with. */
  readonly key: Uint8Array;
};

const PREFIX = 'whsec_';
const MIN_KEY_BYTES = 24;

/** The bytes of a secret: those behind `whsec_`, or the text itself. @throws ConfigError when they are too few or no base64 */
const toKey = (secret: string, usedFor: string): Uint8Array => {
  const encoded = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : undefined;
  if (encoded !== undefined && !/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) {
    throw new ConfigError(`${usedFor}: behind ${PREFIX} the secret is not base64`);
  }
  const key = encoded === undefined ? Buffer.from(secret, 'utf8') : Buffer.from(encoded, 'base64');
  if (key.length < MIN_KEY_BYTES) {
    throw new ConfigError(
      `${usedFor}: the secret has ${key.length} bytes, and ${MIN_KEY_BYTES} are the least; make one: echo "${PREFIX}$(openssl rand -base64 32)"`,
    );
  }
  return new Uint8Array(key);
};

/** Endpoints of configured webhooks. @throws ConfigError when a named secret is missing or too weak */
export const buildEndpoints = (
  webhooks: Webhooks,
  secrets: (env: string, usedFor: string) => string,
): readonly Endpoint[] =>
  webhooks.map((webhook) => {
    const usedFor = `webhooks.${webhook.name}.secret`;
    return { ...toWebhookPlan(webhook), key: toKey(secrets(webhook.secret.env, usedFor), usedFor) };
  });
