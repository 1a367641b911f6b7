import type { Provenance, Source } from '../domain/provenance.ts';
import type { PolicyDecision, PolicyRequest } from '../gateway/ports.ts';
import type { Tool } from '../tools/tool.ts';
import type { CaseFile, PolicyCase } from './case-file.ts';
import { createPolicyEngine } from './engine.ts';
import type { PolicyFiles } from './policy-files.ts';
import type { PolicyTool } from './tool-types.ts';

/** What the engine answered to one question of a case. */
export type CaseAnswer = {
  readonly decision: 'allow' | 'deny';
  /** Determining policies, and those that could not be evaluated. */
  readonly policies: readonly string[];
  readonly reasons: PolicyDecision['reasons'];
};

/** How a case went. */
export type CaseResult = {
  readonly name: string;
  readonly tool: string;
  readonly call: CaseAnswer;
  readonly callUnattended: CaseAnswer;
  /** Expectations that were not met; none: it passed. */
  readonly failures: readonly string[];
};

type Facts = PolicyTool & { readonly facts: Omit<PolicyRequest['tool'], 'isChanged'> };

const fromConfig = (tool: Tool): Facts => ({
  name: tool.name,
  input: tool.input,
  facts: {
    name: tool.name,
    effect: tool.effect,
    unattended: tool.unattended,
    openWorld: tool.openWorld,
    egress: tool.egress,
    idempotent: tool.idempotent,
    compensable: tool.compensate !== undefined,
  },
});

const fromFile = (tools: CaseFile['tools']): readonly Facts[] =>
  Object.entries(tools).map(([name, { args, ...facts }]) => ({
    name,
    input: { json: args },
    facts: { name, ...facts },
  }));

const provenanceOf = (context: PolicyCase['context']): Provenance => {
  const lists: readonly (readonly [readonly string[], Source])[] = [
    [context.principalArgs, 'principal'],
    [context.trustedArgs, 'trusted'],
    [context.untrustedArgs, 'untrusted'],
    [context.inventedArgs, 'model'],
  ];
  return Object.fromEntries(lists.flatMap(([pointers, source]) => pointers.map((pointer) => [pointer, { source }])));
};

const toRequest = (given: PolicyCase, { facts, input }: Facts): PolicyRequest => ({
  principal: given.principal,
  agent: given.agent,
  taskId: given.context.task,
  tool: { ...facts, isChanged: given.isChanged },
  args: given.args,
  argsSchema: input.json,
  provenance: provenanceOf(given.context),
  isContextUntrusted: given.context.contextUntrusted,
  usage: given.context.usage,
  rules: given.rules,
});

const toAnswer = ({ isAllowed, reasons }: PolicyDecision): CaseAnswer => ({
  decision: isAllowed ? 'allow' : 'deny',
  policies: reasons.flatMap(({ policy }) => policy ?? []),
  reasons,
});

const failuresOf = (
  { expect }: PolicyCase,
  answers: Pick<CaseResult, 'call' | 'callUnattended'>,
): readonly string[] => {
  const wrong = (['call', 'callUnattended'] as const).flatMap((action) => {
    const expected = expect[action];
    const { decision } = answers[action];
    return expected === undefined || expected === decision ? [] : [`expected ${action} ${expected}, got ${decision}`];
  });
  const determining = new Set([...answers.call.policies, ...answers.callUnattended.policies]);
  const missing = (expect.policies ?? []).filter((id) => !determining.has(id));
  return [...wrong, ...missing.map((id) => `expected policy ${id} to determine it`)];
};

/** What the cases of a file are asked against. */
export type CaseSetting = {
  /** Tools of the configuration; those that the file declares win. */
  readonly tools: readonly Tool[];
  readonly files: PolicyFiles;
  /** Takes findings that are no errors. */
  readonly warn: (message: string) => void;
};

const quietLog = (warn: CaseSetting['warn']) => ({
  debug: () => undefined,
  info: () => undefined,
  warn,
  error: warn,
});

/**
 * Asks the policies about every case of a file.
 * @throws PolicyError when the policies do not parse or type
 */
export const runCases = async (file: CaseFile, { tools, files, warn }: CaseSetting): Promise<readonly CaseResult[]> => {
  const all = new Map([...tools.map(fromConfig), ...fromFile(file.tools)].map((tool) => [tool.name, tool]));
  let now = Date.now();
  const options = { tools: () => [...all.values()], files, log: quietLog(warn), now: () => now, watchMs: 0 };
  const engine = await createPolicyEngine(options);
  return file.cases.map((given, index) => {
    const name = given.name ?? `case ${index + 1}`;
    const tool = all.get(given.tool);
    if (tool === undefined) {
      const none: CaseAnswer = { decision: 'deny', policies: [], reasons: [] };
      return { name, tool: given.tool, call: none, callUnattended: none, failures: [`there is no tool ${given.tool}`] };
    }
    now = given.context.now === undefined ? Date.now() : Date.parse(given.context.now);
    const { call, callUnattended } = engine.decide(toRequest(given, tool));
    const answers = { call: toAnswer(call), callUnattended: toAnswer(callUnattended) };
    return { name, tool: given.tool, ...answers, failures: failuresOf(given, answers) };
  });
};
