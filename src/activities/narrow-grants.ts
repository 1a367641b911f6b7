import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { ToolFace } from '../domain/proposal.ts';
import type { NoteItem, ProposalItem, SetupItem } from '../domain/transcript.ts';
import { intersectGrants } from '../gateway/narrower.ts';
import { ASK_HUMAN } from '../tools/ask-human.ts';
import { type Life, withLife } from './life.ts';
import type { NarrowGrantsInput, NarrowGrantsResult } from './messages.ts';
import { MINIMAL_GRANTS, minimalGrantsSchema, type Proposed, readMinimalGrants } from './minimal-grants.ts';
import { whileAway } from './patience.ts';
import type { ActivityDeps, Model, ModelAnswer, ModelUsage, Prompt } from './ports.ts';

/** Answers that a retry must not pay for again. */
type Kept = { readonly answers: readonly ModelAnswer[] };

/** The first answer, and one repair. */
const MAX_ANSWERS = 2;

const TASK = `You decide what another agent may do, before it begins. You are given its instructions, its tools, and the goal that it will work on; nothing else exists yet.

Name the fewest tools that the goal needs, and limit their arguments as far as the goal itself says:
- Answer with one JSON object: {"grants":[{"tool":"NAME","args":{}}]}, with names from the list of tools only.
- In "args", give for an argument either the only value that it may have, such as "17", or a JSON Schema such as {"maximum":50}. Leave an argument out when the goal does not say what it must be. An argument that is named must be given in every call.
- A tool that is not named cannot be used. Include tools that look up what the goal does not say itself.
- {"grants":[]} means that the goal needs no tool.`;

const describeTool = ({ tool, description, parameters }: ToolFace): string => {
  const { decision: _, ...properties } = (parameters['properties'] ?? {}) as Record<string, unknown>;
  return JSON.stringify({ tool, description, arguments: properties });
};

/** What the model is asked. Neither the task's input nor anything that a tool returned is in it. */
const toPrompt = (setup: SetupItem, tools: readonly ToolFace[], input: NarrowGrantsInput): Prompt => ({
  setup: {
    ...setup,
    output: undefined,
    tools: [],
    instructions: `${TASK}\n\n# The agent’s instructions\n\n${setup.instructions}\n\n# The agent’s tools, one a line\n\n${tools.map(describeTool).join('\n')}`,
  },
  items: [{ kind: 'goal', id: 'goal', text: input.goal }],
  maxOutputTokens: input.maxOutputTokens,
  format: { name: MINIMAL_GRANTS, schema: minimalGrantsSchema(tools.map(({ tool }) => tool)) },
});

const readAnswer = ({ text, finish }: ModelAnswer, tools: readonly ToolFace[]): Proposed =>
  finish === 'length' ? { ok: false, error: 'the answer was cut at the token limit' } : readMinimalGrants(text, tools);

/** What goes back to the model with its answer. */
const repair = (answer: ModelAnswer, error: string): readonly [ProposalItem, NoteItem] => [
  {
    kind: 'proposal',
    id: 's1',
    text: answer.text,
    calls: [],
    ...(answer.opaque === undefined ? {} : { opaque: answer.opaque }),
  },
  {
    kind: 'note',
    id: 'n1',
    from: 'platform',
    text: `This cannot be used: ${error}. Answer again, with the JSON object alone.`,
  },
];

const sum = (answers: readonly ModelAnswer[]): ModelUsage => ({
  inputTokens: answers.reduce((total, { usage }) => total + usage.inputTokens, 0),
  outputTokens: answers.reduce((total, { usage }) => total + usage.outputTokens, 0),
  cachedTokens: answers.reduce((total, { usage }) => total + usage.cachedTokens, 0),
});

const costOf = ({ price }: Model, { inputTokens, outputTokens }: ModelUsage): number =>
  price === undefined ? 0 : (inputTokens * price.inputPer1M + outputTokens * price.outputPer1M) / 1_000_000;

type Work = {
  readonly deps: ActivityDeps;
  readonly input: NarrowGrantsInput;
  readonly life: Life<Kept>;
  readonly kept: Kept | undefined;
};

const run = async ({ deps, input, life, kept }: Work): Promise<NarrowGrantsResult> => {
  const { context } = input;
  const { model } = deps.agents.find(context.agent);
  const signal = Context.current().cancellationSignal;
  const { item: setup } = await whileAway(() => deps.gateway.setup(context, undefined));
  const tools = setup.tools.filter(({ tool }) => tool !== ASK_HUMAN);
  const answers: ModelAnswer[] = [...(kept?.answers ?? [])];
  const toResult = (grants: NarrowGrantsResult['grants']): NarrowGrantsResult => {
    const usage = sum(answers);
    return { grants, model: answers.at(-1)?.model ?? model.name, usage, costUsd: costOf(model, usage) };
  };
  // Nothing to choose from: nothing to pay for.
  if (tools.length === 0) return toResult([]);
  const first = toPrompt(setup, tools, input);
  let prompt = first;
  let error = '';
  for (let count = 0; count < MAX_ANSWERS; count++) {
    const holder = `${context.taskId}/${context.epoch}/grants`;
    const answer = answers[count] ?? (await model.answer(prompt, { signal, holder }));
    answers[count] = answer;
    life.keep({ answers });
    const proposed = readAnswer(answer, tools);
    // It can only narrow: what the specification gives still bounds it.
    if (proposed.ok) return toResult(intersectGrants(proposed.grants, context.grants));
    error = proposed.error;
    prompt = { ...first, items: [...first.items, ...repair(answer, error)] };
  }
  // Not the agent's tools instead: who asks for the fewest rights must not be given all of them.
  throw ApplicationFailure.nonRetryable(`the model’s answer cannot be used: ${error}.`, 'Grants.NotMinimal');
};

/**
 * Asks the model for the smallest grants, from the goal alone: before it has read anything that somebody else may have
 * written. Asking a person needs no grant and stays.
 * @throws ApplicationFailure `Grants.NotMinimal` after one repair; `Model.*`, `Agent.Unknown`
 */
export const narrowGrants = (deps: ActivityDeps, input: NarrowGrantsInput): Promise<NarrowGrantsResult> => {
  const context = Context.current();
  const kept = context.info.heartbeatDetails as Kept | undefined;
  return withLife<Kept, NarrowGrantsResult>(context, (life) => run({ deps, input, life, kept }), kept);
};
