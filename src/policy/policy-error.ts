/** Policies that cannot be used; the message names file, line and column of everything that is wrong. */
export class PolicyError extends Error {
  override readonly name = 'PolicyError';
}

const MAX_SHOWN = 20;

/** Puts findings, a line each, into one error. */
export const policyError = (findings: readonly string[]): PolicyError => {
  const more = findings.length > MAX_SHOWN ? [`… and ${findings.length - MAX_SHOWN} more`] : [];
  return new PolicyError([...findings.slice(0, MAX_SHOWN), ...more].join('\n'));
};
