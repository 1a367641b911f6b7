import { compilePattern, type Meter } from './linear-pattern.ts';

/** Steps that all patterns of one check may take together; some 20 ms. */
const STEPS = 500_000;

/** Schemas come from servers and specifications: what Ajv matches their patterns with must not hold the worker. */
export type SafeRegExp = {
  /** For Ajv's option `code.regExp`. */
  readonly regExp: ((source: string) => { test: (text: string) => boolean; toString: () => string }) & {
    readonly code: string;
  };
  /** Before every check. */
  readonly refill: () => void;
};

/**
 * Patterns in linear time.
 * @param ignoresUnknown what cannot be matched in linear time (look-around, back-references) holds for every text, where
 *   the schema's owner checks again; else compiling it throws
 * @throws RangeError from `test` when one check takes too many steps
 */
export const createSafeRegExp = ({ ignoresUnknown }: { readonly ignoresUnknown: boolean }): SafeRegExp => {
  const meter: Meter = { left: STEPS };
  const compile = (source: string): ((text: string) => boolean) => {
    try {
      return compilePattern(source, meter).test;
    } catch (error) {
      if (ignoresUnknown) return () => true;
      throw error;
    }
  };
  return {
    // Ajv knows patterns by their text: two with one text would be taken for the same.
    regExp: Object.assign((source: string) => ({ test: compile(source), toString: () => source }), {
      code: 'safeRegExp',
    }),
    refill: () => {
      meter.left = STEPS;
    },
  };
};
