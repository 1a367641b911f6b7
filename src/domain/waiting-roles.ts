import { jsonBytes } from './json.ts';

/** Stands for roles that found no place: whoever looks for a role looks at what waits for these as well. */
export const FURTHER_ROLES = '…';

/** The server takes 2 KB of one search attribute, and a value that is longer would wedge the run. */
const MAX_BYTES = 1_900;

/** Roles that are waited for, each once, as a search attribute holds them. */
export const listRoles = (roles: readonly string[]): readonly string[] => {
  const all = [...new Set(roles)];
  if (jsonBytes(all) <= MAX_BYTES) return all;
  const listed: string[] = [];
  for (const role of all) if (jsonBytes([...listed, role, FURTHER_ROLES]) <= MAX_BYTES) listed.push(role);
  return [...listed, FURTHER_ROLES];
};
