import type { z } from 'zod';

/** A configuration that cannot be used; the message names file, path and what was expected. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

type Issue = z.core.$ZodIssue;

/** Of a value that may have several shapes, the one that was meant: the only one that comes close. */
const meantShape = (shapes: readonly (readonly Issue[])[]): readonly Issue[] | undefined => {
  const close = shapes.filter(
    (issues) => !issues.some(({ code, path }) => code === 'invalid_type' && path.length === 0),
  );
  const fewest = Math.min(...close.map(({ length }) => length));
  const meant = close.filter(({ length }) => length === fewest);
  return meant.length === 1 ? meant[0] : undefined;
};

const flatten = (issue: Issue): readonly Issue[] => {
  const meant = issue.code === 'invalid_union' ? meantShape(issue.errors) : undefined;
  if (meant === undefined) return [issue];
  return meant.flatMap((inner) => flatten({ ...inner, path: [...issue.path, ...inner.path] }));
};

const issueTexts = (error: z.ZodError): readonly string[] =>
  error.issues
    .flatMap(flatten)
    .slice(0, 20)
    .map(({ path, message }) => `${path.length > 0 ? path.map(String).join('.') : '(top level)'}: ${message}`);

/** What is wrong with a value, a line for each path; the first twenty. */
export const describeIssues = (error: z.ZodError): string =>
  issueTexts(error)
    .map((text) => `  ${text}`)
    .join('\n');

/** The same on one line. */
export const issuesText = (error: z.ZodError): string => issueTexts(error).join('; ');
