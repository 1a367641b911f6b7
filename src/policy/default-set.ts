import { readFileSync } from 'node:fs';
import type { PolicySource } from './policy.ts';

/** The default set; it is in force with every set of the host, and a host's `permit` cannot lift its `forbid`s. */
export const readDefaultSet = (): PolicySource => ({
  name: 'policies/default.cedar',
  // The same place from src/ and from dist/.
  text: readFileSync(new URL('../../policies/default.cedar', import.meta.url), 'utf8'),
});

/** Ids that begin like this are the platform's. */
export const RESERVED_IDS = ['default.', 'task.'] as const;
