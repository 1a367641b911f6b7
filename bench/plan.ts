/** What a task of the bench does; its goal carries it to the scripted model. */
export type Plan = {
  readonly id: string;
  /** `park` waits for a person. */
  readonly tool: 'read' | 'write' | 'park';
  readonly steps: number;
  /** Characters of each tool result. */
  readonly bytes: number;
  /** Where the first attempt hangs, until its worker is killed. */
  readonly hang?: { readonly step: number; readonly where: 'model' | 'tool' };
};

/** Longer than any kill takes to be noticed, shorter than a tool's timeout. */
export const HANG_MS = 25_000;

/** Same for both sides. */
export const INSTRUCTIONS = 'You call the tools of a benchmark until you have had enough.';

/** A plan as the first user text of a conversation. */
export const toGoal = (plan: Plan): string => `bench ${JSON.stringify(plan)}`;

/** The plan in a goal. */
export const fromGoal = (goal: string): Plan => JSON.parse(goal.slice('bench '.length)) as Plan;

/** The work of every tool: a text of so many characters. */
export const toolOutput = (bytes: number): string =>
  'The quick brown fox jumps over the lazy dog. '.repeat(bytes / 45 + 1).slice(0, bytes);
