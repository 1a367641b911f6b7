import type { Reason } from '../domain/proposal.ts';
import type { PolicyDecision, PolicyRequest } from '../gateway/ports.ts';
import type { PolicyAction } from './cedar-schema.ts';
import type { Policy } from './policy.ts';

/** What the engine said about one question. */
export type Answer = {
  readonly isAllowed: boolean;
  /** Policies that determined the decision. */
  readonly determining: readonly Policy[];
  /** Policies that could not be evaluated. */
  readonly errors: readonly { readonly policy: Policy | undefined; readonly message: string }[];
};

/** More policies are not named. */
const MAX_REASONS = 8;
const MAX_TEXT = 400;

const DEFAULT_REASONS: Record<string, (tool: string) => Reason> = {
  'default.destructive': (tool) => ({ code: 'destructive', message: `${tool} cannot be taken back` }),
  'default.changed': (tool) => ({
    code: 'surface_changed',
    message: `${tool} is not what was pinned: its server changed its description or schema`,
  }),
};

const said = ({ json }: Policy): string | undefined => json.annotations?.['reason']?.slice(0, MAX_TEXT) || undefined;

const permitted = (policy: Policy): Reason => ({
  code: 'policy_permits',
  message: said(policy) ?? `${policy.id} permits it`,
  policy: policy.id,
});

const forbidden = (policy: Policy, tool: string): Reason => {
  const own = DEFAULT_REASONS[policy.id]?.(tool);
  return {
    ...(own ?? { code: 'policy_forbids', message: said(policy) ?? `${policy.id} forbids it` }),
    policy: policy.id,
    policyDigest: policy.digest,
  };
};

const failed = ({ policy, message }: Answer['errors'][number]): Reason => ({
  code: 'policy_error',
  message: `${policy === undefined ? 'a policy' : `policy ${policy.id}`} could not be evaluated, which counts against the call: ${message.slice(0, MAX_TEXT)}`,
  ...(policy === undefined ? {} : { policy: policy.id, policyDigest: policy.digest }),
});

/** Why there is no permit, in the words that help most. */
const unpermitted = ({ name, effect, unattended }: PolicyRequest['tool'], action: PolicyAction): Reason => {
  if (action === 'callUnattended' && effect === 'write' && !unattended)
    return { code: 'unclassified', message: `nobody has said that ${name} may run without a person` };
  const what = action === 'call' ? 'to be called' : 'to run without a person';
  return { code: 'policy', message: `no policy permits ${name} ${what}` };
};

/** INVARIANT T2: one policy that errs, permit or forbid, and the question is answered with no. */
export const toDecision = (answer: Answer, tool: PolicyRequest['tool'], action: PolicyAction): PolicyDecision => {
  const { determining, errors } = answer;
  if (answer.isAllowed && errors.length === 0)
    return { isAllowed: true, reasons: determining.slice(0, MAX_REASONS).map(permitted) };
  const forbids = answer.isAllowed ? [] : determining.map((policy) => forbidden(policy, tool.name));
  const reasons = [...errors.map(failed), ...forbids].slice(0, MAX_REASONS);
  return { isAllowed: false, reasons: reasons.length > 0 ? reasons : [unpermitted(tool, action)] };
};

/** The answer no, for one reason. */
export const refuse = (code: string, message: string): PolicyDecision => ({
  isAllowed: false,
  reasons: [{ code, message: message.slice(0, MAX_TEXT * 2) }],
});
