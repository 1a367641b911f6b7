import { decodeJwt, decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose';
import type { VerifiedDecision, VerifyDecisionInput } from '../activities/messages.ts';
import type { Verifier } from '../activities/ports.ts';
import { canonicalText } from '../domain/canonical-text.ts';
import { revealHidden } from '../domain/hidden-text.ts';
import type { SignerConfig } from '../domain/schemas/signers.ts';
import { audienceOf } from '../domain/signed-decision.ts';
import type { ToolLog } from '../tools/tool.ts';
import { checkClaims, isName, type Refusal } from './claims.ts';
import { keySource } from './key-source.ts';
import { CLOCK_TOLERANCE_MS } from './lifetime.ts';
import { type Signer, type Subject, toSigner } from './signer.ts';

/** What a verifier needs to know beside its signers. */
export type VerifierOptions = {
  readonly namespace: string;
  /** Where relative paths of key files start. */
  readonly folder: string;
  readonly log: ToolLog;
  /** Ids that the host knows as agents: they never decide, whoever signs for them. */
  readonly agents?: readonly string[];
};

/** Longer than any that is of use; read before anything else is. */
const MAX_TOKEN = 8 * 1024;

type Verified = { readonly claims: JWTPayload } | { readonly refusal: string };

/** What is wrong although the signature is good; undefined: the key did not sign it, or cannot be used. */
const claimRefusal = (error: unknown, audience: string): Refusal => {
  if (error instanceof errors.JWTExpired) return 'it has expired; sign again';
  if (!(error instanceof errors.JWTClaimValidationFailed)) return undefined;
  if (error.claim === 'aud') return `it was signed for another namespace: its audience has to be "${audience}"`;
  return error.reason === 'missing' ? `it lacks the claim "${error.claim}"` : `its claim "${error.claim}" does not fit`;
};

const headerOf = (token: string): ReturnType<typeof decodeProtectedHeader> | undefined => {
  try {
    return decodeProtectedHeader(token);
  } catch {
    return undefined;
  }
};

/** Signature, issuer, audience and expiry. */
const checkSignature = async (token: string, signer: Signer, audience: string): Promise<Verified> => {
  const header = headerOf(token);
  if (header?.alg === undefined || !signer.keys.algorithms.includes(header.alg)) {
    return { refusal: `it has to be signed with ${signer.keys.algorithms.join(', ')}` };
  }
  const keys = await signer.keys.keysFor({ ...header, alg: header.alg });
  for (const key of keys) {
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms: [...signer.keys.algorithms],
        issuer: signer.issuer,
        audience,
        requiredClaims: ['exp', 'iat', 'sub'],
        clockTolerance: CLOCK_TOLERANCE_MS / 1_000,
      });
      return { claims: payload };
    } catch (error) {
      const refusal = claimRefusal(error, audience);
      if (refusal !== undefined) return { refusal };
    }
  }
  return {
    refusal:
      keys.length === 0 ? `${signer.issuer} has no such key; was it replaced?` : `${signer.issuer} did not sign it`,
  };
};

/** Creates what checks signed decisions. */
class DecisionVerifier {
  readonly #signers: ReadonlyMap<string, Signer>;
  readonly #agents: ReadonlySet<string>;
  readonly #audience: string;

  constructor(signers: readonly Signer[], { namespace, agents = [] }: VerifierOptions) {
    this.#signers = new Map(signers.map((signer) => [signer.issuer, signer]));
    this.#agents = new Set(agents.map(canonicalText));
    this.#audience = audienceOf(namespace);
  }

  /** @throws ApplicationFailure `Signer.Unavailable` */
  async verify(input: VerifyDecisionInput): Promise<VerifiedDecision> {
    const signer = this.#signerOf(input.token);
    if ('refusal' in signer) return this.#refuse(signer.refusal);
    const verified = await checkSignature(input.token, signer, this.#audience);
    if ('refusal' in verified) return this.#refuse(verified.refusal);
    const refusal = checkClaims(verified.claims, input);
    if (refusal !== undefined) return this.#refuse(refusal);
    const subject = this.#subjectOf(signer, verified.claims, input);
    if ('refusal' in subject) return this.#refuse(subject.refusal);
    return { ok: true, by: subject.by, issuer: signer.issuer, roles: subject.roles };
  }

  #subjectOf(
    signer: Signer,
    claims: JWTPayload,
    { tenant }: VerifyDecisionInput,
  ): Subject | { readonly refusal: string } {
    const subject = signer.subject(claims);
    if ('refusal' in subject) return subject;
    const { by, tenant: own } = subject;
    if (!isName(by)) return { refusal: 'its subject has to be a name of at most 200 bytes without hidden characters' };
    if (this.#agents.has(canonicalText(by))) return { refusal: 'an agent does not decide' };
    return own === undefined || own === tenant ? subject : { refusal: 'who signed it decides for another tenant only' };
  }

  /** Who is said to have signed it: so far a claim, which only says whose keys are to be tried. */
  #signerOf(token: string): Signer | { readonly refusal: string } {
    if (this.#signers.size === 0) return { refusal: 'no signers are configured (approvals.signers)' };
    if (typeof token !== 'string' || token.length > MAX_TOKEN)
      return { refusal: 'it is too long for a signed decision' };
    try {
      const { iss } = decodeJwt(token);
      if (typeof iss !== 'string') return { refusal: 'it does not name its issuer ("iss")' };
      const shown = JSON.stringify(revealHidden(iss.slice(0, 60)));
      return this.#signers.get(iss) ?? { refusal: `its issuer ${shown} is not configured (approvals.signers)` };
    } catch {
      return { refusal: 'it is no JWT; the field "token" takes what `holdfast sign` prints' };
    }
  }

  #refuse(why: string): VerifiedDecision {
    return { ok: false, refusal: `the signed decision does not count: ${why}` };
  }
}

/**
 * INVARIANT A3: creates what tells who decided: by a configured signer's key, about exactly this, in time, and no agent.
 * Reads key files now, and fetches keys of services when they are needed.
 * @throws ConfigError when a key cannot be used
 */
export const createVerifier = (signers: readonly SignerConfig[], options: VerifierOptions): Verifier => {
  const { folder, log } = options;
  const warn = (message: string) => log.warn(message);
  const all = signers.map((signer, at) => toSigner(signer, keySource(signer, { at, folder, warn })));
  const verifier = new DecisionVerifier(all, options);
  return async (input) => {
    const verified = await verifier.verify(input);
    if (!verified.ok)
      log.info('a signed decision was refused', { taskId: input.taskId, id: input.id, why: verified.refusal });
    return verified;
  };
};
