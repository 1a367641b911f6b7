import { ApplicationFailure } from '@temporalio/common';
import type { Digest } from '../domain/digest.ts';
import { explain } from '../domain/failures.ts';
import type { PolicyEpochs } from '../gateway/ports.ts';

/** A set's place among the sets of all workers (INVARIANT A1). */
export type EpochGuard = {
  /** Makes a set known. @throws what the store fails with */
  readonly register: (digest: Digest) => Promise<{ readonly epoch: number; readonly newest: number }>;
  /** @throws ApplicationFailure `Policy.Behind` when a newer set is known; what the store fails with */
  readonly epoch: (digest: Digest) => Promise<number>;
};

/** For so long it is not asked again; the ledger compares in its own transaction as well. */
const FRESH_MS = 1_000;

type Known = { readonly digest: Digest; readonly epoch: number; newest: number; at: number };

const UNKNOWN = { epoch: 0, newest: 0 } as const;

const behind = (epoch: number, newest: number): ApplicationFailure =>
  ApplicationFailure.create({
    type: 'Policy.Behind',
    message: explain('Policy.Behind', `this worker goes by policy set ${epoch}, and set ${newest} is in force.`),
    nonRetryable: false,
  });

/** Keeps track of where this worker's set stands; without a store every set is number 0. */
export const createEpochGuard = (epochs: PolicyEpochs | undefined, clock = () => performance.now()): EpochGuard => {
  let known: Known | undefined;
  const register = async (digest: Digest, store: PolicyEpochs): Promise<Known> => {
    const at = clock();
    const registered = { digest, ...(await store.register(digest)), at };
    known = registered;
    return registered;
  };
  return {
    register: async (digest) => (epochs === undefined ? UNKNOWN : await register(digest, epochs)),
    epoch: async (digest) => {
      if (epochs === undefined) return UNKNOWN.epoch;
      const mine = known?.digest === digest ? known : await register(digest, epochs);
      const at = clock();
      if (at - mine.at > FRESH_MS) {
        mine.newest = await epochs.newest();
        mine.at = at;
      }
      if (mine.newest > mine.epoch) throw behind(mine.epoch, mine.newest);
      return mine.epoch;
    },
  };
};
