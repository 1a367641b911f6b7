import type { ToolName } from './desk-agent.ts';
import { DOORS, PEOPLE, type Saying } from './people.ts';

/** What is asked and said of one of two calls. */
export type Part = { readonly tool: ToolName; readonly saying: Saying };
/** A task with two calls, and which of them is decided first. */
export type Plan = { readonly parts: readonly [Part, Part]; readonly first: 0 | 1 };

/** Mulberry32: the same plans for the same seed. Source: Tommy Ettinger, 2017, public domain. */
export const random = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
};

export const pick = <T>(next: () => number, from: readonly T[]): T => from[Math.floor(next() * from.length)] as T;

/** Every pair of verdicts that says something of its own. */
const VERDICTS = [
  ['approve', 'approve'],
  ['approve', 'deny'],
  ['deny', 'approve'],
  ['edit', 'approve'],
  ['approve', 'edit'],
  ['deny', 'deny'],
] as const;

const makePart = (next: () => number, verdict: Saying['verdict']): Part => {
  const tool = pick(next, ['pay', 'wire'] as const);
  const isSigned = tool === 'wire' || next() < 0.3;
  return { tool, saying: { verdict, by: pick(next, PEOPLE), isSigned, door: pick(next, DOORS) } };
};

/** Tasks of which each has two calls that ask: all verdicts, in an order, by doors, people and proofs that the seed picks. */
export const makePlans = (seed: number): readonly Plan[] => {
  const next = random(seed);
  return VERDICTS.map(
    ([one, other]): Plan => ({ parts: [makePart(next, one), makePart(next, other)], first: pick(next, [0, 1]) }),
  );
};
