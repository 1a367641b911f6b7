import type { PolicyEngine, PolicyEpochs, PolicyRequest } from '../gateway/ports.ts';
import type { ToolLog } from '../tools/tool.ts';
import { type CedarInstance, createCedar } from './cedar.ts';
import { cedarSchema } from './cedar-schema.ts';
import { createEpochGuard, type EpochGuard } from './epoch.ts';
import { PolicyError } from './policy-error.ts';
import { type PolicyFiles, readPolicyFiles } from './policy-files.ts';
import { readPolicySet, validateSet } from './policy-set.ts';
import { createSlices } from './slices.ts';
import { type Decisions, decideBoth, type PolicyState, refuseBoth } from './state.ts';
import { createRuleBook, type RuleBook } from './task-rules.ts';
import { argTypesOf, changedTools, fits, type PolicyTool, type ToolType, toolTypes } from './tool-types.ts';
import { watchFiles } from './watch.ts';

/** What an engine is made of. */
export type PolicyEngineOptions = {
  /** The tools of all agents, as they are now. */
  readonly tools: () => readonly PolicyTool[];
  /** The host's policies: `policies` of the configuration and its folder. */
  readonly files?: PolicyFiles | undefined;
  readonly epochs?: PolicyEpochs | undefined;
  readonly log: ToolLog;
  /** Milliseconds since 1970; for `context.now`. */
  readonly now?: (() => number) | undefined;
  /** Milliseconds between looks at the files; 0: they are read once. */
  readonly watchMs?: number | undefined;
};

/** The policy engine of a worker. */
export type CedarPolicyEngine = PolicyEngine & {
  /** Tells that tools were added or have other arguments; found out anyway when one of them is called. */
  readonly replaceTools: () => void;
  /** Reads the files again. What cannot be used is logged, and the set of before stays in force. */
  readonly reload: () => Promise<void>;
  readonly close: () => void;
};

type Parts = {
  readonly instance: CedarInstance;
  readonly rules: RuleBook;
  readonly guard: EpochGuard;
  readonly options: PolicyEngineOptions;
  state: PolicyState;
  /** The names and schemas that `takeTools` went by last, and with which set. */
  taken?: { readonly set: PolicyState['set']; readonly schemas: readonly unknown[] };
};

const NO_FILES: PolicyFiles = { patterns: [], baseDir: '.' };

const warn = (log: ToolLog, warnings: readonly string[]): void => {
  for (const warning of warnings) log.warn(`policy: ${warning}`);
};

const load = async (
  instance: CedarInstance,
  { files = NO_FILES, log }: PolicyEngineOptions,
  tools: ReadonlyMap<string, ToolType>,
): Promise<PolicyState> => {
  const set = readPolicySet(instance, await readPolicyFiles(files));
  const schema = cedarSchema(tools.values());
  warn(log, validateSet(instance, set, schema));
  return { set, tools, schema, slices: createSlices(), held: new Map() };
};

const isSameList = (one: readonly unknown[], other: readonly unknown[]): boolean =>
  one.length === other.length && one.every((each, index) => each === other[index]);

/** Goes by the tools of now; where the policies do not fit new ones, those are held back. */
const takeTools = (parts: Parts): void => {
  const { state, options, instance } = parts;
  const given = options.tools();
  const schemas = given.flatMap(({ name, input }) => [name, input.json]);
  // A tool that is held back is proposed again and again.
  if (parts.taken?.set === state.set && isSameList(parts.taken.schemas, schemas)) return;
  parts.taken = { set: state.set, schemas };
  let changed: readonly string[] = [];
  try {
    const now = toolTypes(given);
    changed = changedTools(state.tools, now);
    // Tools that went away stay known: a rule about them is no mistake.
    const tools = new Map([...state.tools, ...now]);
    const schema = changed.length === 0 ? state.schema : cedarSchema(tools.values());
    if (changed.length > 0) warn(options.log, validateSet(instance, state.set, schema));
    parts.state = { ...state, tools, schema, held: new Map() };
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    options.log.error('policies do not fit new tools, which are not called', {
      tools: changed,
      problem: error.message,
    });
    parts.state = { ...state, held: new Map(changed.map((name) => [name, error.message])) };
  }
};

const findTool = ({ state }: Parts, { tool, argsSchema }: PolicyRequest): ToolType | undefined => {
  const found = state.tools.get(tool.name);
  return found !== undefined && fits(found, argTypesOf(argsSchema)) ? found : undefined;
};

const judge = (parts: Parts, request: PolicyRequest): Decisions => {
  let tool = findTool(parts, request);
  const { name } = request.tool;
  if (tool === undefined || parts.state.held.has(name)) {
    takeTools(parts);
    tool = findTool(parts, request);
  }
  const held = parts.state.held.get(name);
  if (held !== undefined) return refuseBoth('policy_error', `the policies do not fit ${name}: ${held}`);
  if (tool === undefined)
    return refuseBoth('policy_error', `the policies were not checked against ${name} with these arguments`);
  const rules = request.rules === undefined ? undefined : parts.rules.parse(request.rules);
  if (rules?.ok === false) return refuseBoth('rules_invalid', `the task's rules cannot be used: ${rules.problem}`);
  return decideBoth(parts.state, { request, tool, now: (parts.options.now ?? Date.now)() }, rules);
};

const decide = (parts: Parts, request: PolicyRequest): Decisions => {
  try {
    return judge(parts, request);
  } catch (error) {
    // INVARIANT T2: whatever goes wrong counts against the call.
    parts.options.log.error('a policy decision failed', { tool: request.tool.name, error: String(error) });
    return refuseBoth('policy_error', `the policies could not be asked: ${String(error)}`);
  }
};

const register = async ({ guard, state, options }: Parts): Promise<void> => {
  const { epoch, newest } = await guard.register(state.set.digest);
  if (epoch < newest) {
    const hint = 'calls wait; to make an older text the newest again, add a comment to it';
    options.log.error(`policy set ${epoch} is behind set ${newest}`, { digest: state.set.digest, hint });
  }
};

const reload = async (parts: Parts): Promise<void> => {
  const { options, instance, state } = parts;
  try {
    const next = await load(instance, options, parts.state.tools);
    if (next.set.digest === state.set.digest) return;
    // Tools may have changed while files were read.
    parts.state = next;
    takeTools(parts);
    options.log.info('policies reloaded', { digest: next.set.digest, policies: next.set.policies.length });
  } catch (error) {
    options.log.error('policies were changed and cannot be used; those of before stay in force', {
      problem: error instanceof Error ? error.message : String(error),
    });
    return;
  }
  // A store that cannot be reached now is asked again with the next call.
  await register(parts).catch((error: unknown) =>
    options.log.warn('the policy set is not registered yet', { error: String(error) }),
  );
};

/**
 * Makes the policy engine of a worker: reads and checks the host's policies, and reads them again when they change.
 * @throws PolicyError with file, line and column of everything that does not parse or type; what the store fails with
 */
export const createPolicyEngine = async (options: PolicyEngineOptions): Promise<CedarPolicyEngine> => {
  const instance = createCedar();
  const state = await load(instance, options, toolTypes(options.tools()));
  const parts: Parts = { instance, rules: createRuleBook(), guard: createEpochGuard(options.epochs), options, state };
  await register(parts);
  let reloading = Promise.resolve();
  const reloadNext = (): Promise<void> => (reloading = reloading.then(() => reload(parts)));
  const { files, watchMs } = options;
  const isWatched = files !== undefined && files.patterns.length > 0 && watchMs !== 0;
  const stop = isWatched ? await watchFiles(files, reloadNext, watchMs) : () => undefined;
  return {
    digest: () => parts.state.set.digest,
    epoch: async () => await parts.guard.epoch(parts.state.set.digest),
    decide: (request) => decide(parts, request),
    checkRules: (rules) => parts.rules.check(rules, parts.state.schema),
    replaceTools: () => takeTools(parts),
    reload: reloadNext,
    close: stop,
  };
};
