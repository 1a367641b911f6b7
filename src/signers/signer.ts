import type { JWTPayload } from 'jose';
import { canonicalText } from '../domain/canonical-text.ts';
import { matchesTool } from '../domain/grants.ts';
import type { SignerConfig } from '../domain/schemas/signers.ts';
import { isName } from './claims.ts';
import type { KeySource } from './key-source.ts';

/** Who decided, as far as the signer's word goes. */
export type Subject = {
  readonly by: string;
  readonly roles: readonly string[];
  /** Absent: about tasks of every tenant. */
  readonly tenant?: string | undefined;
};

/** A configured signer with its keys. */
export type Signer = {
  readonly issuer: string;
  readonly keys: KeySource;
  /** What its tokens may say of their subject; or why not. */
  readonly subject: (claims: JWTPayload) => Subject | { readonly refusal: string };
};

/** Roles that a token may name: it stands in the task's history. */
const MAX_ROLES = 200;

type Service = Extract<SignerConfig, { jwks: unknown }>;
type Person = Exclude<SignerConfig, { jwks: unknown }>;

const ofPerson =
  ({ issuer, subject = issuer, roles = [], tenant }: Person): Signer['subject'] =>
  ({ sub }) =>
    // INVARIANT A3: what a person's own token says of roles is not read.
    sub === subject
      ? { by: subject, roles, tenant }
      : { refusal: 'this key speaks for somebody else than the token names' };

const isRoles = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.length <= MAX_ROLES && value.every((role) => typeof role === 'string');

const ofService =
  ({ rolesClaim, tenantClaim, tenant, agents = [] }: Service): Signer['subject'] =>
  (claims) => {
    const by = claims.sub ?? '';
    if (agents.some((pattern) => matchesTool(canonicalText(pattern), canonicalText(by))))
      return { refusal: 'an agent does not decide' };
    const roles = claims[rolesClaim] ?? [];
    if (!isRoles(roles)) return { refusal: `its claim "${rolesClaim}" has to be a list of at most ${MAX_ROLES} roles` };
    if (tenantClaim === undefined) return { by, roles, tenant };
    const claimed = claims[tenantClaim];
    return isName(claimed) ? { by, roles, tenant: claimed } : { refusal: `it lacks the claim "${tenantClaim}"` };
  };

/** A signer, as its tokens are read. */
export const toSigner = (config: SignerConfig, keys: KeySource): Signer => ({
  issuer: config.issuer,
  keys,
  subject: 'jwks' in config ? ofService(config) : ofPerson(config),
});
