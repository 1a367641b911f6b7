import { randomUUID } from 'node:crypto';
import { Connection } from '@temporalio/client';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import type { AgentClient, InboxFilter } from '../../src/client.ts';
import { defineAgent } from '../../src/tools/define-agent.ts';
import { defineTool } from '../../src/tools/define-tool.ts';
import { withApproval } from '../../src/tools/with-approval.ts';
import { startHarness, until, untilPending } from '../support/harness.ts';
import { cli } from './support.ts';

describe('the inbox of a namespace that lacks search attributes', { timeout: 90_000 }, () => {
  const startIn = async (attributes: Record<string, number>) => {
    const { address } = inject('temporal');
    const namespace = `bare-${randomUUID().slice(0, 8)}`;
    const connection = await Connection.connect({ address });
    onTestFinished(() => connection.close());
    const retention = { seconds: 86_400 as never };
    await connection.workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod: retention });
    if (Object.keys(attributes).length > 0)
      await connection.operatorService.addSearchAttributes({ namespace, searchAttributes: attributes });
    const pay = defineTool({
      name: 'pay',
      description: 'Pays',
      effect: 'write',
      input: z.object({}),
      execute: () => 'paid',
    });
    const agent = defineAgent({
      name: 'clerk',
      instructions: 'Work.',
      tools: [withApproval(pay, { requireConfirmation: true })],
    });
    const harness = await startHarness({
      agents: [agent],
      script: [{ calls: [{ tool: 'pay', args: {} }] }],
      namespace,
    });
    const task = await harness.client.start({ agent: 'clerk', goal: 'pay', principal: { id: 'ana', tenant: 'acme' } });
    await untilPending(task);
    return harness.client;
  };

  const count = async (client: AgentClient, filter: InboxFilter): Promise<number> =>
    (await client.inbox(filter)).length;

  it('looks through all running tasks, and says what it cannot look for', async () => {
    const client = await startIn({});

    expect(await count(client, {})).toBe(1);
    expect(await count(client, { agent: 'clerk', waitingFor: 'approval', role: null })).toBe(1);
    expect(await count(client, { agent: 'other' })).toBe(0);
    expect(await count(client, { waitingFor: 'answer' })).toBe(0);
    expect(await count(client, { role: 'managers' })).toBe(0);
    await expect(client.inbox({ tenant: 'acme' })).rejects.toMatchObject({
      type: 'Spec.Invalid',
      message: expect.stringContaining('HoldfastTenant'),
    });
  });

  it('of a version without roles still finds by the others', async () => {
    const client = await startIn({
      HoldfastStatus: 2,
      HoldfastAgent: 2,
      HoldfastPrincipal: 2,
      HoldfastTenant: 2,
      HoldfastWaitingFor: 7,
      HoldfastCostUsd: 4,
    });

    await until(async () => ((await count(client, { tenant: 'acme' })) === 1 ? true : undefined), 'it is listed');
    expect(await count(client, { tenant: 'acme', role: null })).toBe(1);
    const at = ['--address', inject('temporal').address, '--namespace', client.namespace];
    expect((await cli(['doctor', ...at])).stdout).toMatch(
      /temporal operator search-attribute create .* --name HoldfastWaitingRoles --type KeywordList/,
    );
    expect(await count(client, { tenant: 'acme', role: 'managers' })).toBe(0);
  });
});
