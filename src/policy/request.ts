import type { CedarValueJson, EntityJson, TypeAndId } from '@cedar-policy/cedar-wasm/nodejs';
import type { Source } from '../domain/provenance.ts';
import { riskOf } from '../domain/risk.ts';
import type { PolicyRequest } from '../gateway/ports.ts';
import type { PolicyAction } from './cedar-schema.ts';
import { encode, findUnseen } from './encode.ts';
import { type Look, type Looks, lookAt, PARENTS } from './look.ts';
import { toolsetsOf } from './tool-type.ts';
import type { ToolType } from './tool-types.ts';

/** A request as Cedar takes it, with what its policies look at and nothing else. */
export type CedarRequest = {
  readonly principal: TypeAndId;
  readonly action: TypeAndId;
  readonly resource: TypeAndId;
  readonly context: Record<string, CedarValueJson>;
  readonly entities: EntityJson[];
};

/** A call that is to be judged, with the tool as policies see it and the time in milliseconds since 1970. */
export type Judgement = { readonly request: PolicyRequest; readonly tool: ToolType; readonly now: number };

type Attributes = Record<string, (look: Look) => CedarValueJson | undefined>;

const text = (value: string): string => value.toWellFormed();

/** A count as Cedar's Long; what is no count is the largest there is, so that a rule on a maximum holds. */
const long = (value: number): number =>
  Number.isSafeInteger(Math.ceil(value)) ? Math.ceil(value) : Number.MAX_SAFE_INTEGER;

const pick = (attributes: Attributes, look: Look | undefined): Record<string, CedarValueJson> => {
  const picked: Record<string, CedarValueJson> = {};
  if (look === undefined) return picked;
  for (const name of look.isWhole ? Object.keys(attributes) : look.below.keys()) {
    const inner = lookAt(look, name);
    const value = inner === undefined || !Object.hasOwn(attributes, name) ? undefined : attributes[name]?.(inner);
    if (value !== undefined) picked[name] = value;
  }
  return picked;
};

const principalAttributes = ({ principal }: PolicyRequest): Attributes => ({
  id: () => text(principal.id),
  roles: () => (principal.roles ?? []).map(text),
  tenant: () => (principal.tenant === undefined ? undefined : text(principal.tenant)),
});

const resourceAttributes = ({ request, tool }: Judgement): Attributes => {
  const facts = request.tool;
  return {
    name: () => text(facts.name),
    effect: () => facts.effect,
    risk: () => riskOf(facts),
    unattended: () => facts.unattended,
    openWorld: () => facts.openWorld,
    egress: () => facts.egress,
    idempotent: () => facts.idempotent,
    compensable: () => facts.compensable,
    isChanged: () => facts.isChanged,
    args: (look) => encode(tool.args, request.args, { look }),
  };
};

const DAYS = 7;

const contextAttributes = ({ request, tool, now }: Judgement): Attributes => {
  const from = (source: Source) => () =>
    Object.keys(request.provenance)
      .filter((pointer) => request.provenance[pointer]?.source === source)
      .map(text);
  const { usage } = request;
  return {
    agent: () => ({ __entity: { type: 'Agent', id: text(request.agent) } }),
    task: () => text(request.taskId),
    contextUntrusted: () => request.isContextUntrusted,
    principalArgs: from('principal'),
    trustedArgs: from('trusted'),
    untrustedArgs: from('untrusted'),
    inventedArgs: from('model'),
    unseenArgs: () => findUnseen(tool.args, request.args).pointers.map(text),
    usage: () => ({
      steps: long(usage.steps),
      toolCalls: long(usage.toolCalls),
      inputTokens: long(usage.inputTokens),
      outputTokens: long(usage.outputTokens),
      tokens: long(usage.inputTokens + usage.outputTokens),
      costCents: long(usage.costUsd * 100),
    }),
    now: () => ({ __extn: { fn: 'datetime', arg: new Date(now).toISOString() } }),
    hour: () => new Date(now).getUTCHours(),
    weekday: () => new Date(now).getUTCDay() || DAYS,
  };
};

const entity = (
  uid: TypeAndId,
  look: Look,
  given: { attributes: Attributes; parents: () => TypeAndId[] },
): EntityJson[] => {
  if (!look.isWhole && look.below.size === 0) return [];
  const parents = look.isWhole || look.below.has(PARENTS) ? given.parents() : [];
  return [{ uid, attrs: pick(given.attributes, look), parents }];
};

/**
 * Writes a request for one question.
 * @throws NotEncodable when policies look at an argument that Cedar cannot hold
 */
export const cedarRequest = (judgement: Judgement, action: PolicyAction, looks: Looks): CedarRequest => {
  const { request, tool } = judgement;
  const principal = { type: 'User', id: text(request.principal.id) };
  const resource = { type: tool.type, id: text(tool.name) };
  return {
    principal,
    action: { type: 'Action', id: action },
    resource,
    context: pick(contextAttributes(judgement), looks.context),
    entities: [
      ...entity(principal, looks.principal, {
        attributes: principalAttributes(request),
        parents: () => (request.principal.roles ?? []).map((role) => ({ type: 'Role', id: text(role) })),
      }),
      ...entity(resource, looks.resource, {
        attributes: resourceAttributes(judgement),
        parents: () => toolsetsOf(tool.name).map((name) => ({ type: 'Toolset', id: text(name) })),
      }),
    ],
  };
};
