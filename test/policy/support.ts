import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { z } from 'zod';
import type { JsonObject } from '../../src/domain/json.ts';
import type { PolicyRequest } from '../../src/gateway/ports.ts';
import { type CedarPolicyEngine, createPolicyEngine, type PolicyEngineOptions } from '../../src/policy/engine.ts';
import type { PolicyTool } from '../../src/policy/tool-types.ts';

export const makeTool = (name: string, input: z.ZodType = z.object({})): PolicyTool => {
  const { $schema: _, ...json } = z.toJSONSchema(input, { io: 'input', unrepresentable: 'any' });
  return { name, input: { json: json as JsonObject } };
};

export const rawTool = (name: string, json: JsonObject): PolicyTool => ({ name, input: { json } });

export const refund = makeTool(
  'refund',
  z.object({ orderId: z.string(), amount: z.number(), note: z.string().nullable().optional() }),
);

/** A call of `refund` that every default allows; only what matters is given. */
export const makeRequest = (
  { tool: facts = {}, ...given }: Partial<Omit<PolicyRequest, 'tool'>> & { tool?: Partial<PolicyRequest['tool']> } = {},
  tool: PolicyTool = refund,
): PolicyRequest => ({
  principal: { id: 'ana', roles: ['support'], tenant: 'acme' },
  agent: 'refunds',
  taskId: 'task-1',
  tool: {
    name: tool.name,
    effect: 'write',
    unattended: true,
    openWorld: false,
    egress: false,
    idempotent: false,
    compensable: false,
    isChanged: false,
    ...facts,
  },
  args: tool === refund ? { orderId: '17', amount: 20 } : {},
  argsSchema: tool.input.json,
  provenance: {},
  isContextUntrusted: false,
  usage: { steps: 1, toolCalls: 2, inputTokens: 300, outputTokens: 40, costUsd: 0.011 },
  ...given,
});

/** What tells a policy from another text under its id. */
export const DIGEST = expect.stringMatching(/^[0-9a-f]{16}$/) as string;

export type Line = { readonly level: string; readonly message: string; readonly fields?: unknown };

export const recordingLog = () => {
  const lines: Line[] = [];
  const at = (level: string) => (message: string, fields?: unknown) => {
    lines.push({ level, message, fields });
  };
  return { lines, log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } };
};

export const makeFolder = async (files: Record<string, string> = {}): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-policy-'));
  onTestFinished(async () => await rm(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
};

/** An engine with one file of policies, or none. */
export const makeEngine = async (
  text?: string,
  options: Partial<PolicyEngineOptions> & { readonly only?: readonly PolicyTool[] } = {},
): Promise<CedarPolicyEngine> => {
  const { only = [refund], ...rest } = options;
  const baseDir = await makeFolder(text === undefined ? {} : { 'rules.cedar': text });
  const engine = await createPolicyEngine({
    tools: () => only,
    files: { patterns: text === undefined ? [] : ['*.cedar'], baseDir },
    log: recordingLog().log,
    watchMs: 0,
    ...rest,
  });
  onTestFinished(engine.close);
  return engine;
};
