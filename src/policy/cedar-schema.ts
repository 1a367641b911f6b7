import type { EntityType, SchemaJson, Type } from '@cedar-policy/cedar-wasm/nodejs';
import type { ArgType } from './arg-type.ts';
import type { ToolType } from './tool-types.ts';

/** The two questions that are asked about every call. */
export const ACTIONS = ['call', 'callUnattended'] as const;
/** One of the two questions. */
export type PolicyAction = (typeof ACTIONS)[number];

type CedarType = Type<string>;

const STRING: CedarType = { type: 'String' };
const LONG: CedarType = { type: 'Long' };
const BOOL: CedarType = { type: 'Boolean' };
const STRINGS: CedarType = { type: 'Set', element: STRING };

const record = (attributes: Record<string, CedarType & { required?: boolean }>): CedarType => ({
  type: 'Record',
  attributes,
});

const SCALARS = { string: STRING, bool: BOOL, long: LONG, decimal: { type: 'Extension', name: 'decimal' } } as const;

const cedarType = (type: ArgType): CedarType => {
  if (type.kind === 'set') return { type: 'Set', element: cedarType(type.element) };
  if (type.kind !== 'record') return SCALARS[type.kind];
  return record(
    Object.fromEntries(
      [...type.fields].map(([name, field]) => [name, { ...cedarType(field.type), required: field.isRequired }]),
    ),
  );
};

const USAGE = record({
  steps: LONG,
  toolCalls: LONG,
  inputTokens: LONG,
  outputTokens: LONG,
  tokens: LONG,
  costCents: LONG,
});

const CONTEXT = record({
  agent: { type: 'Entity', name: 'Agent' },
  task: STRING,
  contextUntrusted: BOOL,
  principalArgs: STRINGS,
  trustedArgs: STRINGS,
  untrustedArgs: STRINGS,
  inventedArgs: STRINGS,
  unseenArgs: STRINGS,
  usage: USAGE,
  now: { type: 'Extension', name: 'datetime' },
  hour: LONG,
  weekday: LONG,
});

const toolEntity = ({ args }: ToolType): EntityType<string> => ({
  memberOfTypes: ['Toolset'],
  shape: record({
    name: STRING,
    effect: STRING,
    risk: STRING,
    unattended: BOOL,
    openWorld: BOOL,
    egress: BOOL,
    idempotent: BOOL,
    compensable: BOOL,
    isChanged: BOOL,
    args: cedarType(args),
  }),
});

/** The Cedar schema of the vocabulary with these tools; every tool is an entity type of its own. */
export const cedarSchema = (tools: Iterable<ToolType>): SchemaJson<string> => {
  const schema: SchemaJson<string> = {};
  const resourceTypes: string[] = [];
  for (const tool of tools) {
    const at = tool.type.lastIndexOf('::');
    const namespace = tool.type.slice(0, at);
    schema[namespace] ??= { entityTypes: {}, actions: {} };
    schema[namespace].entityTypes[tool.type.slice(at + 2)] = toolEntity(tool);
    resourceTypes.push(tool.type);
  }
  const applied = { appliesTo: { principalTypes: ['User'], resourceTypes, context: CONTEXT } };
  schema[''] = {
    entityTypes: {
      User: {
        memberOfTypes: ['Role'],
        shape: record({ id: STRING, roles: STRINGS, tenant: { ...STRING, required: false } }),
      },
      Role: {},
      Agent: {},
      Toolset: {},
    },
    actions: Object.fromEntries(ACTIONS.map((action) => [action, applied])),
  };
  return schema;
};
