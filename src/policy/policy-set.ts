import type { SchemaJson } from '@cedar-policy/cedar-wasm/nodejs';
import { type Digest, digestJson } from '../domain/digest.ts';
import type { CedarInstance } from './cedar.ts';
import { RESERVED_IDS, readDefaultSet } from './default-set.ts';
import { type Policy, type PolicySource, parsePolicies } from './policy.ts';
import { policyError } from './policy-error.ts';
import { validatePolicies } from './validate-policies.ts';

/** The policies in force: the default set and the host's files. */
export type PolicySet = {
  readonly digest: Digest;
  readonly policies: readonly Policy[];
  readonly sources: readonly PolicySource[];
};

const idFindings = (policies: readonly Policy[], defaults: readonly Policy[]): readonly string[] => {
  const places = new Map<string, string>(defaults.map(({ id, where }) => [id, where]));
  return policies.flatMap(({ id, where }) => {
    const prefix = RESERVED_IDS.find((each) => id.startsWith(each));
    if (prefix !== undefined) return [`${where}: ids that begin with ${prefix} are the platform's; rename ${id}`];
    const other = places.get(id);
    places.set(id, where);
    return other === undefined ? [] : [`${where}: the id ${id} stands in ${other} already`];
  });
};

/**
 * Puts the default set and the host's texts together. The digest is that of the texts as they are, comments too: a set that
 * goes back to an older text needs a comment of its own to be the newest again.
 * @throws PolicyError with file, line and column
 */
export const readPolicySet = (instance: CedarInstance, hosted: readonly PolicySource[]): PolicySet => {
  const defaults = readDefaultSet();
  const parsed = [defaults, ...hosted].map((source) => parsePolicies(instance, source));
  const findings = parsed.flatMap((each) => (each.ok ? [] : each.findings));
  if (findings.length > 0) throw policyError(findings);
  const [base = [], ...rest] = parsed.map((each) => (each.ok ? each.policies : []));
  const own = rest.flat();
  const clashes = idFindings(own, base);
  if (clashes.length > 0) throw policyError(clashes);
  const digest = digestJson([defaults.text, ...hosted.map(({ name, text }) => [name, text])]);
  return { digest, policies: [...base, ...own], sources: hosted };
};

/**
 * Checks the host's policies against the vocabulary with these tools.
 * @returns what is no error: policies that can never apply
 * @throws PolicyError with file, line and column
 */
export const validateSet = (
  instance: CedarInstance,
  { sources }: Pick<PolicySet, 'sources'>,
  schema: SchemaJson<string>,
): readonly string[] => {
  const findings = sources.map((source) => validatePolicies(instance, source, schema));
  const errors = findings.flatMap((each) => each.errors);
  if (errors.length > 0) throw policyError(errors);
  return findings.flatMap(({ warnings }) => warnings);
};
