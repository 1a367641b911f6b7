import type { PrincipalDirectory, Verifier } from '../activities/ports.ts';
import type { ApprovalRule } from '../domain/approval-rule.ts';
import { type ApprovalRulesConfig, toApprovalRules } from '../domain/schemas/approvals.ts';
import type { PrincipalsConfig, SignerConfig } from '../domain/schemas/signers.ts';
import type { ToolLog } from '../tools/tool.ts';
import { type ConfiguredAgents, missingFallbacks } from './fallback-rules.ts';
import { idleRules } from './idle-rules.ts';
import { agentsAmong, createPrincipals } from './principals.ts';
import { createVerifier } from './verify.ts';

/** What a configuration says of who decides. */
type Configured = {
  readonly approvals?:
    | { readonly rules?: ApprovalRulesConfig | undefined; readonly signers?: readonly SignerConfig[] | undefined }
    | undefined;
  readonly principals?: PrincipalsConfig | undefined;
  readonly agents?: ConfiguredAgents | undefined;
  readonly folder?: string | undefined;
};

/** Who decides, and how that is proven. */
export type Deciders = {
  readonly approvalRules: readonly ApprovalRule[];
  readonly verifier: Verifier;
  readonly principals: PrincipalDirectory;
};

/**
 * Creates what a worker needs to know of who decides; warns of rules by which nobody could, and that end with what is not there.
 * @throws ConfigError when a key cannot be used
 */
export const createDeciders = (
  { approvals: { rules = [], signers = [] } = {}, principals, agents = {}, folder = '.' }: Configured,
  { namespace, log }: { readonly namespace: string; readonly log: ToolLog },
): Deciders => {
  const approvalRules = toApprovalRules(rules);
  const warnings = [...idleRules(approvalRules, signers), ...missingFallbacks(approvalRules, agents)];
  for (const warning of warnings) log.warn(warning);
  return {
    approvalRules,
    verifier: createVerifier(signers, { namespace, folder, log, agents: agentsAmong(principals) }),
    principals: createPrincipals(principals),
  };
};
