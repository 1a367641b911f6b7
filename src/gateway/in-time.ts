/** How long one rule of the host's may take: the authorizer, a tool's `check`, `confirm`. */
export const RULE_MS = 10_000;

/** The answer of a rule. One that gives none must not hold the task. @throws Error when it takes longer than `RULE_MS` */
export const inTime = async <T>(work: Promise<T> | T): Promise<T> => {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${RULE_MS} ms`)), RULE_MS);
  return Promise.race([work, promise]).finally(() => clearTimeout(timer));
};
