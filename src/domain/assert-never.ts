/** Ends a switch over a union: a variant that was forgotten is a compile error here. */
export const assertNever = (value: never): never => {
  throw new TypeError(`unexpected variant: ${JSON.stringify(value)}`);
};
