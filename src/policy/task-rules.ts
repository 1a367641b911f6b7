import type { SchemaJson } from '@cedar-policy/cedar-wasm/nodejs';
import { LRUCache } from 'lru-cache';
import { utf8Bytes } from '../domain/json.ts';
import { type CedarInstance, createCedar } from './cedar.ts';
import { type Policy, parsePolicies } from './policy.ts';
import { validatePolicies } from './validate-policies.ts';

/** Bounds of a task's own rules. */
const RULE_BOUNDS = { bytes: 16_384, policies: 50, brackets: 32, depth: 64, pattern: 1_024 } as const;

/** A task's rules, or what is wrong with them. `key` is short and stands for the text in this process. */
export type TaskRules =
  | { readonly ok: true; readonly key: string; readonly policies: readonly Policy[] }
  | { readonly ok: false; readonly problem: string };

/** The deepest brackets of a text, texts in quotes and comments left out. */
const bracketDepth = (text: string): number => {
  let [depth, deepest] = [0, 0];
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\[^])*"|\/\/[^\n]*|[()[\]{}]/g)) {
    if (token === '(' || token === '[' || token === '{') deepest = Math.max(deepest, ++depth);
    else if (token === ')' || token === ']' || token === '}') depth -= 1;
  }
  return deepest;
};

/** Tells whether a value is nested more than `levels` deep. */
const isDeeper = (value: unknown, levels: number): boolean => {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
};

/** Characters of all patterns of `like`: time grows with them and the length of the text. */
const patternLength = (value: unknown): number => {
  if (typeof value !== 'object' || value === null) return 0;
  const own = 'pattern' in value && Array.isArray(value.pattern) ? value.pattern.length : 0;
  return Object.values(value).reduce<number>((sum, inner) => sum + patternLength(inner), own);
};

// One operator is two or three levels of JSON.
const JSON_LEVELS = 3;

const problemOf = (policies: readonly Policy[]): string | undefined => {
  if (policies.length === 0) return 'there is no policy in them';
  if (policies.length > RULE_BOUNDS.policies) return `at most ${RULE_BOUNDS.policies} policies are taken`;
  const permit = policies.find(({ json }) => json.effect === 'permit');
  if (permit !== undefined) return `${permit.where}: rules of a task may only forbid, and this one permits`;
  const deep = policies.find(
    ({ json: { conditions } }) =>
      conditions.length > RULE_BOUNDS.depth || isDeeper(conditions, RULE_BOUNDS.depth * JSON_LEVELS),
  );
  if (deep !== undefined) return `${deep.where}: the rule is longer or deeper than ${RULE_BOUNDS.depth} operators`;
  const pattern = policies.reduce((sum, { json }) => sum + patternLength(json.conditions), 0);
  if (pattern > RULE_BOUNDS.pattern) return `patterns of \`like\` have more than ${RULE_BOUNDS.pattern} characters`;
  const ids = policies.map(({ id }) => id);
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  return twice === undefined ? undefined : `the id ${twice} stands twice`;
};

const NAME = 'rules';

const parseRules = (instance: CedarInstance, text: string, key: string): TaskRules => {
  if (utf8Bytes(text) > RULE_BOUNDS.bytes)
    return { ok: false, problem: `they are longer than ${RULE_BOUNDS.bytes} bytes` };
  // Before the parser sees it: the engine's stack is small, and a crash costs an instance.
  if (bracketDepth(text) > RULE_BOUNDS.brackets)
    return { ok: false, problem: `brackets are nested more than ${RULE_BOUNDS.brackets} deep` };
  const parsed = parsePolicies(instance, { name: NAME, text });
  if (!parsed.ok) return { ok: false, problem: parsed.findings.slice(0, 8).join('; ') };
  const problem = problemOf(parsed.policies);
  if (problem !== undefined) return { ok: false, problem };
  return { ok: true, key, policies: parsed.policies.map((policy) => ({ ...policy, id: `task.${policy.id}` })) };
};

/** Rules of tasks: parsed once for each text, checked where a task is admitted. */
export type RuleBook = {
  readonly parse: (text: string) => TaskRules;
  /** @returns what is wrong, also with the types; undefined: nothing */
  readonly check: (text: string, schema: SchemaJson<string>) => string | undefined;
};

/** Texts that are kept parsed. */
const MAX_TEXTS = 256;

/** Makes a rule book with an engine instance of its own: what comes with tasks never runs in the one that decides before it is known to be shallow. */
export const createRuleBook = (): RuleBook => {
  const instance = createCedar();
  const known = new LRUCache<string, TaskRules>({ max: MAX_TEXTS });
  let made = 0;
  const parse = (text: string): TaskRules => {
    const found = known.get(text) ?? parseRules(instance, text, `rules-${made++}`);
    known.set(text, found);
    return found;
  };
  return {
    parse,
    check: (text, schema) => {
      const rules = parse(text);
      if (!rules.ok) return rules.problem;
      const { errors } = validatePolicies(instance, { name: NAME, text }, schema);
      return errors.length === 0 ? undefined : errors.slice(0, 8).join('; ');
    },
  };
};
