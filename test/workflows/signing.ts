import type { VerifiedDecision, VerifyDecisionInput } from '../../src/activities/messages.ts';
import type { DecisionName, PendingDecision } from '../../src/domain/decision.ts';
import type { DecisionMessage } from '../../src/domain/messages.ts';
import { contentDigest } from '../../src/domain/signed-decision.ts';

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Who signs. */
export type Signer = { readonly by: string; readonly issuer?: string; readonly roles?: readonly string[] };

type Said = Pick<DecisionMessage, 'args' | 'text' | 'scope' | 'same'>;

/** A token in the form of a signed decision about this very question, which `verifyFake` believes. */
export const sign = (
  { by, issuer = 'https://id.example', roles = [] }: Signer,
  { id, digest, taskId, epoch }: Pick<PendingDecision, 'id' | 'digest' | 'taskId' | 'epoch'>,
  { name, ...said }: { readonly name: DecisionName } & Said,
): string => {
  const claims = { by, issuer, roles, taskId, epoch, id, digest, decision: name, content: contentDigest(said) };
  return [encode({ alg: 'ES256' }), encode(claims), 'c2lnbmF0dXJl'].join('.');
};

/** Believes every signature, and compares everything that it says. */
export const verifyFake = (input: VerifyDecisionInput): VerifiedDecision => {
  const claims = JSON.parse(
    Buffer.from(input.token.split('.')[1] ?? '', 'base64url').toString(),
  ) as VerifyDecisionInput & {
    readonly by: string;
    readonly issuer: string;
    readonly roles: readonly string[];
  };
  const keys = ['taskId', 'epoch', 'id', 'digest', 'decision', 'content'] as const;
  const wrong = keys.find((key) => claims[key] !== input[key]);
  if (wrong !== undefined) return { ok: false, refusal: `the signature is for another ${wrong}` };
  const { by, issuer, roles } = claims;
  return { ok: true, by, issuer, roles };
};
