import { type Digest, digestJson } from './digest.ts';
import type { DecisionMessage } from './messages.ts';

/**
 * Digest of what a decision says beside yes or no: changed arguments, words, how far it reaches. A signature covers it, so that
 * nobody can put other arguments to somebody's yes.
 */
export const contentDigest = ({
  args,
  text,
  scope,
  same,
}: Pick<DecisionMessage, 'args' | 'text' | 'scope' | 'same'>): Digest =>
  digestJson({
    ...(args === undefined ? {} : { args }),
    ...(text === undefined ? {} : { text }),
    ...(scope === undefined || scope === 'once' ? {} : { scope }),
    ...(same === undefined ? {} : { same }),
  });

/** The claims of a signed decision beside `iss`, `sub`, `aud`, `iat`, `exp`: exactly one question, exactly one answer. */
export type DecisionClaims = {
  readonly task: string;
  readonly epoch: string;
  /** Id and digest of what is pending. */
  readonly id: string;
  readonly digest: Digest;
  readonly decision: 'approve' | 'deny' | 'answer';
  readonly content: Digest;
};

/** Whom a signed decision is for: tasks of one namespace. */
export const audienceOf = (namespace: string): string => `holdfast:${namespace}`;
