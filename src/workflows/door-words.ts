import { wordsFor } from '../domain/compensation.ts';
import type { DecisionName, PendingDecision } from '../domain/decision.ts';
import { possibleScopes } from '../domain/standing.ts';
import { asksProof } from '../domain/votes.ts';

/** What the doors are for that are always there. */
export const DESCRIPTIONS = {
  approve: 'Let the one pending call run. Empty input is fine, or {"callId","args","note","by"}.',
  deny: 'Refuse the one pending call; the reason goes to the agent. Empty, or {"callId","reason","by"}.',
  answer: 'Answer the agent’s question: {"text":"…","by":"…"}.',
} as const satisfies Record<DecisionName, string>;

const inputOf = (name: 'approve' | 'deny', pending: PendingDecision): string => {
  if (name === 'deny') return '{"reason","by"}';
  if (pending.kind === 'effect') return '{"note","by","args":{what it returned}}';
  if (pending.kind === 'review' && pending.may.includes('edit'))
    return '{"note","by","args":{what is allowed further}}';
  const reach = possibleScopes(pending).filter((scope) => scope !== 'once');
  if (reach.length > 0) return `{"note","by","scope":"${reach.join('" or "')}"}`;
  return '{"note","by"}';
};

/** What a door of a question's own name is for. */
export const describeNamed = (name: DecisionName, pending: PendingDecision): string => {
  if (asksProof(pending.who)) return `${titleOf(name, pending)}. Only a signed decision counts: {"token":"…"}.`;
  if (name === 'answer') return `${titleOf(name, pending)}. ${DESCRIPTIONS.answer}`;
  return `${titleOf(name, pending)}. Empty input is fine, or ${inputOf(name, pending)}.`;
};

const titleOf = (name: DecisionName, pending: PendingDecision): string => {
  const { kind, tool } = pending;
  if (kind === 'approval' || kind === 'answer') return `${name}: ${kind === 'answer' ? 'the question' : tool}`;
  const { yes, no } = wordsFor(pending);
  return name === 'approve' ? yes : no;
};
