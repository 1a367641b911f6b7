import { importJWK, type JWK, SignJWT } from 'jose';
import { ConfigError } from '../config-error.ts';
import type { DecisionName, PendingDecision } from '../domain/decision.ts';
import type { DecisionMessage } from '../domain/messages.ts';
import { audienceOf, contentDigest, type DecisionClaims } from '../domain/signed-decision.ts';
import { algorithmsOf } from './algorithms.ts';
import { parsePrivateKey } from './key-text.ts';
import { DEFAULT_LIFETIME_MS, MAX_LIFETIME_MS } from './lifetime.ts';

/** What is signed, by whom. */
export type DecisionToSign = {
  /** The question, as `status()`, `inbox()` or the query `pending` gives it. */
  readonly pending: Pick<PendingDecision, 'taskId' | 'epoch' | 'id' | 'digest'>;
  readonly decision: DecisionName;
  /** What is said beside yes or no; exactly this has to come with the token. `text`: the note, the reason or the answer. */
  readonly content?: Pick<DecisionMessage, 'args' | 'text' | 'scope' | 'same'>;
  readonly namespace: string;
  /** As it stands under `approvals.signers`. */
  readonly issuer: string;
  /** Who decides; by default the issuer. */
  readonly subject?: string;
  /** The private key: a JWK, or the text of a JWK or a PEM file (PKCS #8). */
  readonly key: JWK | string;
  /** How long the token counts, at most 24 hours; default 1 hour. */
  readonly lifetimeMs?: number | undefined;
  /** Further claims of a service that speaks for many: roles and tenant of the subject. */
  readonly claims?: Readonly<Record<string, unknown>>;
};

const secondsOf = (lifetimeMs: number): number => {
  if (lifetimeMs >= 1_000 && lifetimeMs <= MAX_LIFETIME_MS) return Math.floor(lifetimeMs / 1_000);
  throw new ConfigError('a signed decision lives from one second to 24 hours');
};

/**
 * Signs a decision: a JWT that says exactly one answer to exactly one question.
 * @throws ConfigError when the key cannot sign, or the question is one of a task that knows no signatures
 */
export const signDecision = async (signing: DecisionToSign): Promise<string> => {
  const { pending, decision, content = {}, namespace, issuer, subject = issuer, claims = {} } = signing;
  const seconds = secondsOf(signing.lifetimeMs ?? DEFAULT_LIFETIME_MS);
  if (pending.epoch === undefined) {
    throw new ConfigError(`${pending.id} was asked by an older version, which knows no signed decisions`);
  }
  const jwk = parsePrivateKey(signing.key, 'the key');
  const [alg = 'EdDSA'] = algorithmsOf(jwk);
  const said: DecisionClaims = {
    task: pending.taskId,
    epoch: pending.epoch,
    id: pending.id,
    digest: pending.digest,
    decision,
    content: contentDigest(content),
  };
  const now = Math.floor(Date.now() / 1_000);
  return await new SignJWT({ ...claims, ...said })
    .setProtectedHeader({ alg, typ: 'JWT', ...(jwk.kid === undefined ? {} : { kid: jwk.kid }) })
    .setIssuer(issuer)
    .setSubject(subject)
    .setAudience(audienceOf(namespace))
    .setIssuedAt(now)
    .setExpirationTime(now + seconds)
    .sign(await importJWK(jwk, alg));
};
