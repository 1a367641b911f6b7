import type { ActionConstraint, EntityUidJson, PolicyJson, ResourceConstraint } from '@cedar-policy/cedar-wasm/nodejs';
import { LRUCache } from 'lru-cache';
import { type CedarInstance, createCedar } from './cedar.ts';
import type { PolicyAction } from './cedar-schema.ts';
import { type Looks, looksOf } from './look.ts';
import type { Policy } from './policy.ts';
import type { Answer } from './reasons.ts';
import type { CedarRequest } from './request.ts';

const isId = (entity: EntityUidJson, id: string): boolean =>
  ('__entity' in entity ? entity.__entity : entity).id === id;

const coversAction = (scope: ActionConstraint, action: PolicyAction): boolean => {
  if (scope.op === 'All') return true;
  const entities = 'entities' in scope ? scope.entities : 'entity' in scope ? [scope.entity] : [];
  return entities.some((entity) => isId(entity, action));
};

const coversTool = (scope: ResourceConstraint, type: string): boolean =>
  scope.op !== 'is' || scope.entity_type === type;

const covers = (json: PolicyJson, type: string, action: PolicyAction): boolean =>
  coversAction(json.action, action) && coversTool(json.resource, type);

/** The policies that can matter for one question about one tool, ready to be asked. */
export type Slice = {
  readonly looks: Looks;
  /** @throws CedarCrash */
  readonly ask: (request: CedarRequest) => Answer;
};

/** Policies that are asked together: a set, and perhaps a task's rules. `key` names them. */
export type PolicyGroup = { readonly key: string; readonly policies: readonly Policy[] };

/** Answers that a slice keeps, and the longest request, in characters, that is worth keeping. */
const MAX_ANSWERS = 32;
const MAX_KEY = 1_000;
/** Slices that are kept parsed. */
const MAX_SLICES = 1_024;

const preparse = (instance: CedarInstance, slot: string, policies: readonly Policy[]): void => {
  const staticPolicies = Object.fromEntries(policies.map(({ id, text }) => [id, text]));
  const parsed = instance.use((cedar) => cedar.preparsePolicySet(slot, { staticPolicies }));
  if (parsed.type === 'failure') throw new Error(parsed.errors[0]?.message ?? 'the policies cannot be parsed');
};

const isUnconditional = ({ json }: Policy): boolean =>
  json.conditions.length === 0 &&
  json.principal.op === 'All' &&
  (json.resource.op === 'All' || (json.resource.op === 'is' && json.resource.in === undefined));

const byName = (one: Policy, other: Policy): number => (one.id < other.id ? -1 : 1);

/** The answer of policies that hold for every request: the engine needs not be asked, and `default.call` is such a one. */
const standingAnswer = (policies: readonly Policy[]): Answer | undefined => {
  if (!policies.every(isUnconditional)) return undefined;
  const forbids = policies.filter(({ json }) => json.effect === 'forbid');
  const isAllowed = forbids.length === 0 && policies.length > 0;
  return { isAllowed, determining: (isAllowed ? policies : forbids).toSorted(byName), errors: [] };
};

const createSlice = (instance: CedarInstance, slot: string, policies: readonly Policy[]): Slice => {
  const byId = new Map(policies.map((policy) => [policy.id, policy]));
  const looks = looksOf(policies.map(({ json }) => json));
  const standing = standingAnswer(policies);
  const answers = new LRUCache<string, Answer>({ max: MAX_ANSWERS });
  let generation = -1;
  const ask = (request: CedarRequest): Answer => {
    if (generation !== instance.generation()) {
      preparse(instance, slot, policies);
      generation = instance.generation();
    }
    const answer = instance.use((cedar) => cedar.statefulIsAuthorized({ ...request, preparsedPolicySetId: slot }));
    if (answer.type === 'failure') {
      const errors = answer.errors.map(({ message }) => ({ policy: undefined, message }));
      return { isAllowed: false, determining: [], errors };
    }
    const { decision, diagnostics } = answer.response;
    return {
      isAllowed: decision === 'allow',
      determining: diagnostics.reason.flatMap((id) => byId.get(id) ?? []).sort(byName),
      errors: diagnostics.errors.map(({ policyId, error }) => ({
        policy: byId.get(policyId),
        message: error.message,
      })),
    };
  };
  return {
    looks,
    ask: (request) => {
      if (standing !== undefined) return standing;
      // An answer follows from the policies and what they look at, and that is often the same from step to step.
      const key = JSON.stringify(request);
      const known = answers.get(key) ?? ask(request);
      if (key.length <= MAX_KEY) answers.set(key, known);
      return known;
    },
  };
};

/**
 * Keeps policies parsed, cut down to those that can matter for a tool and a question: time grows with the number of
 * policies that are asked. Every cache has an engine instance of its own, which goes with it.
 */
export const createSlices = (max = MAX_SLICES): ((group: PolicyGroup, type: string, action: PolicyAction) => Slice) => {
  const instance = createCedar();
  // The engine forgets nothing that it parsed; a name that is used again overwrites what it stood for.
  const free: string[] = [];
  const slots = new Map<string, string>();
  const release = (key: string): void => {
    const slot = slots.get(key);
    if (slot !== undefined) free.push(slot);
    slots.delete(key);
  };
  const slices = new LRUCache<string, Slice>({ max, dispose: (_slice, key) => release(key) });
  let made = 0;
  return (group, type, action) => {
    const key = `${group.key} ${type} ${action}`;
    const known = slices.get(key);
    if (known !== undefined) return known;
    const slot = free.pop() ?? `slice-${made++}`;
    slots.set(key, slot);
    const slice = createSlice(
      instance,
      slot,
      group.policies.filter(({ json }) => covers(json, type, action)),
    );
    slices.set(key, slice);
    return slice;
  };
};
