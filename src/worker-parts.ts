import type { Connection } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import { toLimits } from './activities/admit.ts';
import { workflowSlots } from './activities/model-slots.ts';
import type { AgentDirectory, AgentFacts, Model, NamespaceFacts } from './activities/ports.ts';
import { type Config, ConfigError, type ModelConfig, readSecret } from './config.ts';
import { matchesTool } from './domain/grants.ts';
import { durationMs } from './domain/schemas/duration.ts';
import { SEARCH_ATTRIBUTES, type SearchAttributeName } from './domain/task.ts';
import { outputSchemaOf } from './gateway/faces.ts';
import { findAgent } from './gateway/setup.ts';
import { createOpenAiModel } from './models/openai.ts';
import { type Agent, defineAgent, type FoundTools, withFoundTools } from './tools/define-agent.ts';
import type { ToolLog } from './tools/tool.ts';

const buildModel = (name: string, config: ModelConfig): Model =>
  createOpenAiModel({
    name,
    model: config.model,
    baseURL: config.baseURL ?? 'https://api.openai.com/v1',
    api: config.api,
    timeoutMs: durationMs(config.timeout),
    slots: workflowSlots,
    ...(config.apiKey === undefined ? {} : { apiKey: readSecret(config.apiKey.env, `models.${name}.apiKey`) }),
    ...(config.contextWindow === undefined ? {} : { contextWindow: config.contextWindow }),
    ...(config.price === undefined ? {} : { price: config.price }),
    ...(config.maxConcurrent === undefined ? {} : { maxConcurrent: config.maxConcurrent }),
  });

/** The configured models by name. @throws ConfigError when a named secret is missing */
export const buildModels = ({ models }: Config): ReadonlyMap<string, Model> =>
  new Map(Object.entries(models).map(([name, each]) => [name, buildModel(name, each)]));

const definePlain = (name: string, plain: Exclude<Config['agents'], readonly Agent[]>[string]): Agent => {
  const { output, instructions, tools, model, limits, ...reviews } = plain;
  const agent = defineAgent({
    name,
    instructions,
    ...(tools === undefined ? {} : { tools }),
    ...(model === undefined ? {} : { model }),
    ...(limits === undefined ? {} : { limits }),
  });
  return { ...agent, reviews, ...(output === undefined ? {} : { outputSchema: output }) };
};

/** What an agent says about when a person is asked, as activities are told of it. */
const reviewFacts = ({ reviews }: Agent): Partial<AgentFacts> => {
  const { reviewOutput, fallback, escalate, reviewAt, onLimit } = reviews;
  return {
    ...(reviewOutput === true ? { reviewOutput } : {}),
    ...(fallback === undefined ? {} : { fallback }),
    ...(escalate?.confidenceBelow === undefined ? {} : { confidenceBelow: escalate.confidenceBelow }),
    ...(reviewAt === undefined ? {} : { reviewAt }),
    ...(onLimit === undefined ? {} : { onLimit }),
  };
};

const checkPatterns = (agent: Agent, found: FoundTools, isComplete: boolean): void => {
  const names = found.tools().map(({ name }) => name);
  const lost = agent.patterns.find((pattern) => !names.some((name) => matchesTool(pattern, name)));
  if (lost === undefined || !isComplete) return;
  const there = names.length === 0 ? 'there are none' : `there are: ${names.slice(0, 50).join(', ')}`;
  throw new ConfigError(`agent ${agent.name}: no tool is named ${lost}; ${there}`);
};

/**
 * Agents by name, with the tools that were found; those in plain data become the same as defined ones.
 * @param isComplete every server is up, so a pattern that matches nothing is a mistake
 * @throws ConfigError naming the pattern and what there is
 */
export const buildAgents = ({ agents }: Config, found: FoundTools, isComplete: boolean): ReadonlyMap<string, Agent> => {
  const defined = Array.isArray(agents)
    ? agents
    : Object.entries(agents).map(([name, plain]) => definePlain(name, plain));
  for (const agent of defined) checkPatterns(agent, found, isComplete);
  return new Map(defined.map((agent) => [agent.name, withFoundTools(agent, found)]));
};

/** What activities may know of agents. */
export const buildDirectory = (
  agents: ReadonlyMap<string, Agent>,
  models: ReadonlyMap<string, Model>,
): AgentDirectory => ({
  find: (name) => {
    const agent = findAgent(agents, name);
    const model = models.get(agent.model);
    if (model === undefined) throw new ConfigError(`agent ${name}: there is no model ${agent.model}`);
    const output = outputSchemaOf(agent);
    const limits = toLimits(agent.limits);
    return { name, model, limits, ...(output === undefined ? {} : { output }), ...reviewFacts(agent) };
  },
});

/** Shorter values are no secrets, and would be found in every other word. */
const MIN_SECRET = 6;

/** Values that no tool output may show: what the configuration takes from the environment, and the store's password. */
export const secretsOf = ({ models, mcpServers = {}, webhooks = [] }: Config, storeUrl: string): readonly string[] => {
  const keys = Object.entries(models).flatMap(([name, { apiKey }]) =>
    apiKey === undefined ? [] : [readSecret(apiKey.env, `models.${name}.apiKey`)],
  );
  const named = Object.entries(mcpServers).flatMap(([name, server]) =>
    Object.values('command' in server ? server.env : server.headers).flatMap((value) =>
      typeof value === 'string' ? [] : [readSecret(value.env, `mcpServers.${name}`)],
    ),
  );
  const signing = webhooks.map(({ name, secret }) => readSecret(secret.env, `webhooks.${name}.secret`));
  const password = decodeURIComponent(new URL(storeUrl).password);
  return [...keys, ...named, ...signing, password].filter((value) => value.length >= MIN_SECRET);
};

/** How long an answer about search attributes holds: they are added once, by hand. */
const FACTS_MS = 30_000;

/** Asks the namespace which search attributes it has; none where that may not be asked, and the task runs without. */
export const namespaceFacts = (
  connection: NativeConnection | Connection,
  namespace: string,
  log: ToolLog,
): NamespaceFacts => {
  let known: { readonly untilMs: number; readonly names: readonly SearchAttributeName[] } | undefined;
  return {
    searchAttributes: async () => {
      if (known !== undefined && known.untilMs > Date.now()) return known.names;
      const names = (Object.keys(SEARCH_ATTRIBUTES) as SearchAttributeName[]).toSorted();
      try {
        const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
        known = { untilMs: Date.now() + FACTS_MS, names: names.filter((name) => name in customAttributes) };
      } catch (error) {
        log.warn('search attributes could not be listed; tasks run without them', { error: String(error) });
        return [];
      }
      const missing = names.filter((name) => !known?.names.includes(name));
      if (missing.length > 0)
        log.warn('search attributes are missing; `holdfast doctor` says how to add them', { missing });
      return known.names;
    },
  };
};
