import { ApplicationFailure } from '@temporalio/common';
import type { CallContext, Setup } from '../activities/ports.ts';
import { digestJson } from '../domain/digest.ts';
import { jsonBytes } from '../domain/json.ts';
import { SIZES } from '../domain/sizes.ts';
import type { SetupItem } from '../domain/transcript.ts';
import type { Agent } from '../tools/define-agent.ts';
import type { Tool } from '../tools/tool.ts';
import { askAuthorizer } from './authorize.ts';
import { faceOf, outputSchemaOf } from './faces.ts';
import type { GatewayParts } from './flight.ts';
import { isShown } from './grants.ts';
import { taskRef } from './ports.ts';

/** Finds an agent. @throws ApplicationFailure `Agent.Unknown`, naming those there are */
export const findAgent = (agents: ReadonlyMap<string, Agent>, name: string): Agent => {
  const agent = agents.get(name);
  if (agent !== undefined) return agent;
  const known = agents.size === 0 ? 'this worker has none' : `this worker has ${[...agents.keys()].join(', ')}`;
  throw ApplicationFailure.nonRetryable(`no agent is named ${JSON.stringify(name)}; ${known}.`, 'Agent.Unknown');
};

const makeItem = (agent: Agent, tools: readonly Tool[], output: unknown): SetupItem => {
  const schema = output ?? outputSchemaOf(agent);
  const content = {
    instructions: agent.instructions,
    tools: tools.map(faceOf),
    ...(schema === undefined ? {} : { output: schema }),
  };
  const bytes = jsonBytes(content);
  if (bytes > SIZES.setup) {
    const message = `instructions and tools of ${agent.name} have ${bytes} bytes; at most ${SIZES.setup} are taken.`;
    throw ApplicationFailure.nonRetryable(message, 'Agent.TooLarge');
  }
  const digest = digestJson(content);
  return { kind: 'setup', id: `setup-${digest.slice(7, 15)}`, ...content, digest };
};

// Every step asks for it, and digesting the tools takes longer than a review; most tasks have what their agent has.
const ofTools = new WeakMap<Agent['tools'], { readonly instructions: string; readonly item: SetupItem }>();

const itemOf = (agent: Agent, shown: readonly Tool[], output: unknown): SetupItem => {
  const { tools } = agent;
  if (output !== undefined || shown.length !== tools.size) return makeItem(agent, shown, output);
  const known = ofTools.get(tools);
  if (known?.instructions === agent.instructions) return known.item;
  const item = makeItem(agent, shown, output);
  ofTools.set(tools, { instructions: agent.instructions, item });
  return item;
};

type Wanted = { readonly context: CallContext; readonly output: unknown; readonly previous?: SetupItem | undefined };

/** The tools that the task may call: granted, permitted to the principal now. What it may not call is not shown. */
const allowedTools = async (parts: GatewayParts, agent: Agent, context: CallContext): Promise<readonly Tool[]> => {
  const granted = [...agent.tools.values()].filter(
    ({ name, isFree }) => isFree === true || isShown(context.grants, name),
  );
  const asked = granted.filter(({ requires }) => requires.length > 0);
  const refusals = await Promise.all(asked.map((tool) => askAuthorizer(parts, tool, { context })));
  return granted.filter((tool) => refusals[asked.indexOf(tool)] === undefined);
};

/** What the model is told when a breaker takes a tool away or gives it back: once. */
const breakerNotes = (
  open: readonly { readonly tool: string; readonly why: string }[],
  shown: readonly Tool[],
  previous: SetupItem | undefined,
): string[] => {
  if (previous === undefined) return open.map(({ tool, why }) => `${tool} is out of order for now: ${why}.`);
  const before = new Set(previous.tools.map(({ tool }) => tool));
  const lost = open.filter(({ tool }) => before.has(tool));
  const back = shown.filter(({ name }) => !before.has(name));
  return [
    ...lost.map(({ tool, why }) => `${tool} is out of order for now and was taken off your tools: ${why}.`),
    ...back.map(({ name }) => `${name} can be used again.`),
  ];
};

/**
 * Instructions and tools as a task has them now. A tool whose breaker is open is left out, and the model is told once.
 * @throws ApplicationFailure `Agent.TooLarge`
 */
export const setupOf = async (parts: GatewayParts, { context, output, previous }: Wanted): Promise<Setup> => {
  const agent = findAgent(parts.agents, context.agent);
  const allowed = await allowedTools(parts, agent, context);
  const names = allowed.map(({ name }) => name);
  const open = await parts.store.limits.open(names, context.principal, taskRef(context));
  const shown = allowed.filter(({ name }) => open.every(({ tool }) => tool !== name));
  return { item: itemOf(agent, shown, output), notes: breakerNotes(open, shown, previous) };
};
