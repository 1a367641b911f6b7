import { type ApprovalRule, needsProof } from '../domain/approval-rule.ts';
import { canonicalText } from '../domain/canonical-text.ts';
import type { SignerConfig } from '../domain/schemas/signers.ts';

/** Rules by which nobody could decide, each in a sentence: what is asked by one of them would wait until it expires, or for ever. */
export const idleRules = (rules: readonly ApprovalRule[], signers: readonly SignerConfig[]): readonly string[] => {
  // Whom a service speaks for is not known here.
  if (signers.some((signer) => 'jwks' in signer)) return [];
  const people = signers.flatMap((signer) => ('jwks' in signer ? [] : [signer]));
  return rules.filter(needsProof).flatMap(({ name, roles, escalate, quorum }) => {
    const taken = roles.length === 0 ? [] : [...roles, ...escalate.flatMap((step) => step.roles)];
    const eligible = people.filter((each) => taken.length === 0 || taken.some((role) => each.roles?.includes(role)));
    const count = new Set(eligible.map(({ issuer, subject = issuer }) => canonicalText(subject))).size;
    if (count >= quorum) return [];
    const whom = taken.length === 0 ? '' : ` with one of the roles ${taken.join(', ')}`;
    return [`approval rule ${name}: it takes ${quorum} signing${whom}, and approvals.signers has ${count}`];
  });
};
