import { sql } from 'drizzle-orm';
import { type Connection, statement } from '../connection.ts';
import { toolBreakers } from '../tables/limits.ts';
import { value } from './sql.ts';

const HAS_ROWS = statement(
  'breaker_has_rows',
  sql`select exists (select from ${toolBreakers} where scope = ${value('scope')}) as has_rows`,
);

/** Whether no tool of a scope has a breaker to mind, as of a moment ago. */
export type Quiet = {
  readonly isQuiet: () => Promise<boolean>;
  /** Something went wrong here: the next question is asked of the store. */
  readonly disturb: () => void;
};

/**
 * Most of the time every tool works, and then one question a quarter of a second does for all calls of a worker. So a
 * breaker that another worker opened holds here after `everyMs` at the latest; this worker's own failures hold at once.
 */
export const createQuiet = (connection: Connection, scope: string, everyMs: number): Quiet => {
  let known: { readonly until: number; readonly answer: Promise<boolean> } | undefined;
  const ask = async (): Promise<boolean> => (await connection.run(HAS_ROWS, { scope }))[0]?.['has_rows'] === false;
  return {
    isQuiet: async () => {
      const now = performance.now();
      if (known === undefined || known.until <= now) known = { until: now + everyMs, answer: ask() };
      const asked = known;
      try {
        const answer = await asked.answer;
        // Only good news keeps: with a breaker about, every call looks it up.
        if (!answer && known === asked) known = undefined;
        return answer;
      } catch (error) {
        if (known === asked) known = undefined;
        throw error;
      }
    },
    disturb: () => {
      known = undefined;
    },
  };
};
