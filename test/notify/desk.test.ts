import { Webhook } from 'standardwebhooks';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { z } from 'zod';
import { verifyTask } from '../../src/cli/audit-report.ts';
import { openStore } from '../../src/store/index.ts';
import { readAuditAnchors } from '../../src/timeline/audit-anchors.ts';
import { defineAgent } from '../../src/tools/define-agent.ts';
import { defineTool } from '../../src/tools/define-tool.ts';
import { ana, MODES, startHarness, until, untilPending } from '../support/harness.ts';
import { SECRET, startReceiver, status } from './support.ts';

const refund = defineTool({
  name: 'refund',
  description: 'Refunds an order',
  effect: 'destructive',
  idempotent: true,
  input: z.object({ order: z.string() }),
  execute: ({ order }) => `refunded ${order}`,
});
const clerk = defineAgent({ name: 'clerk', instructions: 'Be brief.', tools: [refund] });

const decision = { rationale: 'They asked for it.', alternatives: [], confidence: 0.6, basis: ['goal'] };

describe.each(MODES)('a question at the desk ($name)', ({ maxCachedWorkflows }) => {
  it('is told to webhooks when it is asked and when it is decided, kept for calibration, and part of a trail that verifies', async () => {
    vi.stubEnv('OPS_SECRET', SECRET);
    onTestFinished(() => void vi.unstubAllEnvs());
    const receiver = await startReceiver();
    const harness = await startHarness({
      agents: [clerk],
      script: [{ calls: [{ tool: 'refund', args: { order: 'order-17' }, decision }] }, { text: 'done' }],
      maxCachedWorkflows,
      config: {
        webhooks: [{ name: 'ops', url: receiver.url, secret: { env: 'OPS_SECRET' } }],
        approvals: { rules: [{ name: 'refunds', when: { tools: ['refund'] } }] },
      },
    });
    const task = await harness.client.start({ agent: 'clerk', goal: 'refund order 17', principal: ana }, {});
    const [pending] = await untilPending(task);
    const asked = await until(() => receiver.received[0], 'somebody is told that it is asked');
    await task.approve({ callId: pending?.id ?? '', by: 'ben' });
    expect((await task.result()).status).toBe('completed');
    const decided = await until(() => receiver.received[1], 'somebody is told that it is decided');

    const webhook = new Webhook(SECRET);
    expect(webhook.verify(asked.body, asked.headers)).toMatchObject({
      type: 'holdfast.decision.asked',
      data: {
        taskId: task.taskId,
        decisionId: pending?.id,
        tool: 'refund',
        rule: 'refunds',
        agent: 'clerk',
        how: { cli: [expect.stringContaining(`holdfast approve ${task.taskId} ${pending?.id}`), expect.any(String)] },
      },
    });
    expect(webhook.verify(decided.body, decided.headers)).toMatchObject({
      type: 'holdfast.decision.decided',
      data: { decisionId: pending?.id, outcome: { decision: 'approved', by: 'ben', verified: false } },
    });
    for (const { body } of receiver.received) expect(body).not.toContain('order-17');

    const store = await openStore({ url: harness.store, namespace: 'default', taskQueue: harness.taskQueue });
    onTestFinished(store.close);
    const { decisions } = await store.deskLog.decisions({}, { limit: 10 });
    expect(decisions).toMatchObject([
      {
        taskId: task.taskId,
        id: pending?.id,
        kind: 'approval',
        tool: 'refund',
        rule: 'refunds',
        agent: 'clerk',
        confidence: 0.6,
        risk: 'high',
        outcome: 'approved',
        by: 'ben',
        verified: false,
        askedAt: pending?.since,
      },
    ]);
    await until(async () => ((await store.outbox.state()).length === 0 ? true : undefined), 'the outbox is empty');

    const history = await readAuditAnchors(harness.client.temporal, task.taskId);
    const report = await verifyTask(store.audit, task.taskId, history);
    expect(report).toMatchObject({ ok: true, checked: 'chain and history' });
    const trail = await store.audit.page({ taskId: task.taskId, epoch: 'e1' }, { after: 0, limit: 100 });
    const told = trail.filter(({ entry }) => entry.type === 'decision');
    expect(told.map(({ entry }) => entry.detail['type'])).toEqual(['asked', 'decided']);
    // What `report` returns stands in the history: a trail whose last entry is gone is found out.
    expect(history?.anchors.some(({ seq }) => told.some((row) => row.seq === seq))).toBe(true);
  });
});

describe('a webhook that does not answer', () => {
  it('holds back neither the question nor the decision, and is told of both once it answers', async () => {
    vi.stubEnv('OPS_SECRET', SECRET);
    onTestFinished(() => void vi.unstubAllEnvs());
    const receiver = await startReceiver();
    receiver.answer = status(500);
    const harness = await startHarness({
      agents: [clerk],
      script: [{ calls: [{ tool: 'refund', args: { order: 'order-17' } }] }, { text: 'done' }],
      config: { webhooks: [{ name: 'ops', url: receiver.url, secret: { env: 'OPS_SECRET' } }] },
    });
    const task = await harness.client.start({ agent: 'clerk', goal: 'refund', principal: ana }, {});
    await untilPending(task);
    await until(() => receiver.received[0], 'it was tried once');
    await task.approve({ by: 'ben' });
    expect((await task.result()).status).toBe('completed');
    await until(() => receiver.received[1], 'the decision was tried too');

    receiver.answer = status(204);
    await until(
      () => (new Set(receiver.ids()).size === 2 && receiver.received.length >= 4 ? true : undefined),
      'both have come',
    );

    const bodies = new Set(receiver.received.map(({ body }) => body));
    expect(bodies.size).toBe(2);
  });
});
