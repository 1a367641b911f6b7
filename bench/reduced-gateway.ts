import type { Gateway, RunContext } from '../src/activities/ports.ts';
import { digestJson } from '../src/domain/digest.ts';
import { parseArguments, type Review } from '../src/domain/proposal.ts';
import { faceOf } from '../src/gateway/faces.ts';
import type { Agent } from '../src/tools/define-agent.ts';

const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** The pipeline reduced to `run`: what is left when nothing is looked up, judged, limited, recorded or cleaned. */
export const reducedGateway = (agent: Agent): Gateway => {
  const content = { instructions: agent.instructions, tools: [...agent.tools.values()].map(faceOf) };
  const digest = digestJson(content);
  const item = { kind: 'setup', id: `setup-${digest.slice(7, 15)}`, ...content, digest } as const;
  const run: Gateway['run'] = async ({ call, context, run: { signal, attempt, heartbeat } }) => {
    const tool = agent.tools.get(call.tool);
    const output = await tool?.execute(call.args, {
      taskId: context.taskId,
      callId: call.id,
      principal: context.principal,
      idempotencyKey: call.id,
      attempt,
      signal,
      heartbeat,
      log,
    });
    return {
      result: { kind: 'result', id: call.id, tool: call.tool, status: 'succeeded', output, trust: 'untrusted' },
    };
  };
  const unused = () => Promise.reject(new Error('not part of the measure'));
  return {
    toolNamed: (_, name) => agent.tools.get(name)?.name,
    setup: async () => ({ item, notes: [] }),
    review: async ({ calls }) => ({
      reviews: calls.map((call): Review => {
        const tool = [...agent.tools.values()].find(({ name }) => name === call.name);
        const effect = tool?.effect ?? 'read';
        const parsed = parseArguments(call);
        const base = { callId: call.id, tool: call.name, effect, verdict: { outcome: 'allow', reasons: [] } } as const;
        if (effect === 'read') return base;
        const plan = { idempotent: true, timeoutMs: 30_000, maxAttempts: 3, alone: false };
        return { ...base, plan, digest: digestJson(parsed) };
      }),
    }),
    run,
    read: async ({ calls, context, run: running }: { run: RunContext } & Parameters<Gateway['read']>[0]) => ({
      results: await Promise.all(calls.map(async (call) => (await run({ call, context, run: running })).result)),
    }),
    compensate: unused,
    resolve: unused,
  };
};
