import type { PendingKind } from './decision.ts';
import { matchesTool } from './grants.ts';

/** What a call can do. `high`: cannot be taken back, or nobody knows what it does. `medium`: other effects, and what leaves the trust boundary. */
export type Risk = 'low' | 'medium' | 'high';

/** How far a yes reaches within its task: this call; calls of this tool with these values; calls of this tool. */
export type Scope = 'once' | 'values' | 'tool';

/** What happens when nobody has decided in time. `pause`: the task pauses, and the question stays. */
export type Expiry = 'deny' | 'fallback' | 'pause';

/** Who may decide what waits, how far a yes may reach, and what happens while nobody decides. Durations in milliseconds from the asking. */
export type ApprovalRule = {
  readonly name: string;
  /** What it is about; the first rule whose every named field fits holds. A field that is left out fits everything. */
  readonly when: {
    readonly kinds?: readonly PendingKind[] | undefined;
    /** Patterns; `*` spans dots. */
    readonly tools?: readonly string[] | undefined;
    readonly risks?: readonly Risk[] | undefined;
    readonly agents?: readonly string[] | undefined;
    readonly tenants?: readonly string[] | undefined;
    /** Ids of the policies by which it is asked. */
    readonly policies?: readonly string[] | undefined;
  };
  /** One of these is needed; empty: anybody. */
  readonly roles: readonly string[];
  /** So many different people have to approve. One denial denies. */
  readonly quorum: number;
  /** Only signed decisions count. Holds anyway where roles, quorum or separation are asked for (INVARIANT A3). */
  readonly verified: boolean;
  /** Separation of duties: not the task's own principal. */
  readonly separate: boolean;
  /** Absent: as the risk says, see `scopesOf`. */
  readonly scopes?: readonly Scope[] | undefined;
  readonly remindMs?: number | undefined;
  readonly escalate: readonly { readonly afterMs: number; readonly roles: readonly string[] }[];
  readonly expire?: { readonly afterMs: number; readonly then: Expiry } | undefined;
};

/** What a rule is found by. */
export type RuleSubject = {
  readonly kind: PendingKind;
  /** Empty where it is about no tool. */
  readonly tool: string;
  readonly risk?: Risk | undefined;
  readonly agent: string;
  readonly tenant?: string | undefined;
  readonly policies: readonly string[];
};

/** What holds where no rule fits: anybody may decide, by a claim, without a deadline. */
const DEFAULT_RULE: ApprovalRule = {
  name: 'default',
  when: {},
  roles: [],
  quorum: 1,
  verified: false,
  separate: false,
  escalate: [],
};

/** How far a yes may reach. What cannot be taken back, and what nobody has classified, is approved one by one. */
export const scopesOf = ({ scopes }: ApprovalRule, risk: Risk | undefined): readonly Scope[] =>
  scopes ?? (risk === 'low' || risk === 'medium' ? ['once', 'values', 'tool'] : ['once']);

/** Whether one of the named ones is meant; where none is named, all are. */
const names = <T>(wanted: readonly T[] | undefined, isMeant: (each: T) => boolean): boolean =>
  wanted === undefined || wanted.some(isMeant);

const fits = ({ when }: ApprovalRule, subject: RuleSubject): boolean =>
  names(when.kinds, (kind) => kind === subject.kind) &&
  names(when.tools, (pattern) => matchesTool(pattern, subject.tool)) &&
  names(when.risks, (risk) => risk === subject.risk) &&
  names(when.agents, (agent) => agent === subject.agent) &&
  names(when.tenants, (tenant) => tenant === subject.tenant) &&
  names(when.policies, (id) => subject.policies.includes(id));

/** The rule that holds for a question: the first that fits. */
export const ruleFor = (rules: readonly ApprovalRule[], subject: RuleSubject): ApprovalRule =>
  rules.find((rule) => fits(rule, subject)) ?? DEFAULT_RULE;

/** INVARIANT A3: a name in a payload is a claim, so whoever has to be somebody has to prove it. */
export const needsProof = ({
  roles,
  quorum,
  verified,
  separate,
}: Pick<ApprovalRule, 'roles' | 'quorum' | 'verified' | 'separate'>): boolean =>
  verified || roles.length > 0 || quorum > 1 || separate;
