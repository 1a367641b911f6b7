import { createRequire } from 'node:module';
import type * as CedarModule from '@cedar-policy/cedar-wasm/nodejs';

/** The functions of the policy engine, as its Node build exports them. */
export type Cedar = typeof CedarModule;

const require = createRequire(import.meta.url);

/** A new instance with a memory of its own: a module that stands in the cache would be given again. */
const instantiate = (): Cedar => {
  const path = require.resolve('@cedar-policy/cedar-wasm/nodejs');
  delete require.cache[path];
  return require(path) as Cedar;
};

/** The policy engine crashed: a text that is nested too deep overflows its stack. */
export class CedarCrash extends Error {
  override readonly name = 'CedarCrash';
}

/** An instance of the policy engine that is made anew after a crash. */
export type CedarInstance = {
  /** Runs something in the instance. @throws CedarCrash when the instance crashed; the next call gets a new one */
  readonly use: <Result>(run: (cedar: Cedar) => Result) => Result;
  /** Rises with every new instance: what was parsed before is not in it. */
  readonly generation: () => number;
};

/**
 * Makes an instance, which takes about 10 ms and a few MB. One crash (`memory access out of bounds`) leaves an instance
 * unusable for everything that follows, so texts from outside are parsed in an instance of their own.
 */
export const createCedar = (): CedarInstance => {
  let cedar = instantiate();
  let generation = 0;
  return {
    use: (run) => {
      try {
        return run(cedar);
      } catch (error) {
        cedar = instantiate();
        generation += 1;
        throw new CedarCrash(`the policy engine crashed: ${String(error).slice(0, 200)}`, { cause: error });
      }
    },
    generation: () => generation,
  };
};
