import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import { isRecord } from '../domain/json.ts';

/** Which parts of a value policies look at. */
export type Look = { isWhole: boolean; readonly below: Map<string, Look> };

/** What policies look at in a request. Nothing else needs to be sent to the engine, or can change a decision. */
export type Looks = { readonly principal: Look; readonly resource: Look; readonly context: Look };

/** Stands among attributes for the groups that an entity is in. */
export const PARENTS = '$parents';

const makeLook = (): Look => ({ isWhole: false, below: new Map() });

type Chain = { readonly root: keyof Looks; readonly path: readonly string[] };

const ROOTS = new Set<unknown>(['principal', 'resource', 'context']);

const mark = (looks: Looks, { root, path }: Chain): void => {
  let look = looks[root];
  for (const name of path) {
    const next = look.below.get(name) ?? makeLook();
    look.below.set(name, next);
    look = next;
  }
  look.isWhole = true;
};

/** `resource.args.amount`, where an expression is such a chain. */
const chainOf = (expression: unknown): Chain | undefined => {
  if (!isRecord(expression)) return undefined;
  if (ROOTS.has(expression['Var'])) return { root: expression['Var'] as keyof Looks, path: [] };
  const access = expression['.'];
  if (!isRecord(access)) return undefined;
  const chain = chainOf(access['left']);
  return chain === undefined ? undefined : { root: chain.root, path: [...chain.path, String(access['attr'])] };
};

const isEntity = (expression: unknown): boolean =>
  isRecord(expression) && (expression['Var'] === 'principal' || expression['Var'] === 'resource');

/** Operators that see which entity it is, and none of its attributes. */
const visitIdentity = (looks: Looks, operator: string, operands: Record<string, unknown>): void => {
  for (const [side, operand] of Object.entries(operands)) {
    if (!isEntity(operand)) visit(looks, operand);
    else if (side === 'left' && (operator === 'in' || operands['in'] !== undefined)) {
      mark(looks, { root: (operand as { Var: keyof Looks }).Var, path: [PARENTS] });
    }
  }
};

const visitHas = (looks: Looks, { left, attr }: Record<string, unknown>): void => {
  const chain = chainOf(left);
  if (chain === undefined) visit(looks, left);
  else mark(looks, { root: chain.root, path: [...chain.path, ...[attr].flat().map(String)] });
};

const IDENTITY = new Set(['==', '!=', 'in', 'is']);

const visitOperator = (looks: Looks, operator: string, inner: unknown): void => {
  if (operator === 'Value') return;
  if (!isRecord(inner)) visit(looks, inner);
  // The keys of a record are names, not operators: `{ has: resource }`.
  else if (operator === 'Record') visit(looks, Object.values(inner));
  else if (operator === 'has') visitHas(looks, inner);
  else if (IDENTITY.has(operator)) visitIdentity(looks, operator, inner);
  else visit(looks, inner);
};

const visit = (looks: Looks, expression: unknown): void => {
  const chain = chainOf(expression);
  if (chain !== undefined) mark(looks, chain);
  else if (Array.isArray(expression)) for (const each of expression) visit(looks, each);
  else if (isRecord(expression)) {
    for (const [operator, inner] of Object.entries(expression)) visitOperator(looks, operator, inner);
  }
};

const isGroupScope = (scope: PolicyJson['principal'] | PolicyJson['resource']): boolean =>
  scope.op === 'in' || (scope.op === 'is' && scope.in !== undefined);

/**
 * What policies may look at, by their syntax; rather too much than too little. A value that is taken as a whole (put into
 * a record, compared) counts with everything in it.
 */
export const looksOf = (policies: readonly PolicyJson[]): Looks => {
  const looks = { principal: makeLook(), resource: makeLook(), context: makeLook() };
  for (const policy of policies) {
    if (isGroupScope(policy.principal)) mark(looks, { root: 'principal', path: [PARENTS] });
    if (isGroupScope(policy.resource)) mark(looks, { root: 'resource', path: [PARENTS] });
    for (const { body } of policy.conditions) visit(looks, body);
  }
  return looks;
};

/** The look at one attribute; undefined where nobody looks. */
export const lookAt = (look: Look, name: string): Look | undefined =>
  look.isWhole ? { isWhole: true, below: new Map() } : look.below.get(name);
