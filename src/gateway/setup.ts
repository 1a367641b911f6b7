import { ApplicationFailure } from '@temporalio/common';
import type { CallContext } from '../activities/ports.ts';
import { digestJson } from '../domain/digest.ts';
import { jsonBytes } from '../domain/json.ts';
import { SIZES } from '../domain/sizes.ts';
import type { SetupItem } from '../domain/transcript.ts';
import { ASK_HUMAN } from '../tools/ask-human.ts';
import type { Agent } from '../tools/define-agent.ts';
import { isGranted } from './authorize.ts';
import { faceOf, outputSchemaOf } from './faces.ts';

/** Finds an agent. @throws ApplicationFailure `Agent.Unknown`, naming those there are */
export const findAgent = (agents: ReadonlyMap<string, Agent>, name: string): Agent => {
  const agent = agents.get(name);
  if (agent !== undefined) return agent;
  const known = agents.size === 0 ? 'this worker has none' : `this worker has ${[...agents.keys()].join(', ')}`;
  throw ApplicationFailure.nonRetryable(`no agent is named ${JSON.stringify(name)}; ${known}.`, 'Agent.Unknown');
};

const makeSetup = (agent: Agent, grants: CallContext['grants'], output: unknown): SetupItem => {
  const granted = [...agent.tools.values()].filter(({ name }) => name === ASK_HUMAN || isGranted(grants, name));
  const schema = output ?? outputSchemaOf(agent);
  const content = {
    instructions: agent.instructions,
    tools: granted.map(faceOf),
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

// Every step asks for it; only tasks with grants or an output of their own have another one than their agent's.
const ofAgents = new WeakMap<Agent, SetupItem>();

/**
 * Instructions and tools as a task has them now: tools that it may not call are not shown.
 * @throws ApplicationFailure `Agent.TooLarge`
 */
export const setupOf = (agent: Agent, grants: CallContext['grants'], output: unknown): SetupItem => {
  if (grants !== undefined || output !== undefined) return makeSetup(agent, grants, output);
  const setup = ofAgents.get(agent) ?? makeSetup(agent, grants, output);
  ofAgents.set(agent, setup);
  return setup;
};
