import type { DetailedError, SchemaJson, ValidationAnswer } from '@cedar-policy/cedar-wasm/nodejs';
import { type Cedar, CedarCrash } from './cedar.ts';
import type { PolicySource } from './policy.ts';
import { byPosition, describeFinding } from './position.ts';

/** What strict validation found, a line each. */
export type Findings = { readonly errors: readonly string[]; readonly warnings: readonly string[] };

/** One line for each place: a policy on all tools has the same finding for each one. */
const lines = ({ name, text }: PolicySource, errors: readonly DetailedError[]): readonly string[] => {
  const places = new Map<number, { readonly first: DetailedError; count: number }>();
  for (const error of errors.toSorted(byPosition)) {
    const at = error.sourceLocations?.[0]?.start ?? 0;
    const place = places.get(at);
    if (place === undefined) places.set(at, { first: error, count: 1 });
    else place.count += 1;
  }
  return [...places.values()].map(({ first, count }) => {
    const more = count > 1 ? `, and ${count - 1} more findings at this place` : '';
    return `${describeFinding(name, text, first)}${more}`;
  });
};

const describe = (source: PolicySource, answer: ValidationAnswer): Findings => {
  if (answer.type === 'failure') return { errors: lines(source, answer.errors), warnings: [] };
  return {
    errors: lines(
      source,
      answer.validationErrors.map(({ error }) => error),
    ),
    warnings: lines(
      source,
      answer.validationWarnings.map(({ error }) => error),
    ),
  };
};

/** Checks a text of policies against a schema, in strict mode. */
export const validatePolicies = (
  instance: { use: <R>(run: (cedar: Cedar) => R) => R },
  source: PolicySource,
  schema: SchemaJson<string>,
): Findings => {
  try {
    const call = { schema, policies: { staticPolicies: source.text }, validationSettings: { mode: 'strict' as const } };
    return describe(
      source,
      instance.use((cedar) => cedar.validate(call)),
    );
  } catch (error) {
    if (!(error instanceof CedarCrash)) throw error;
    return { errors: [`${source.name}:1:1: a policy is nested too deep to be checked`], warnings: [] };
  }
};
