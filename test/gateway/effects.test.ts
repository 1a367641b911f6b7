import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { digestJson } from '../../src/domain/digest.ts';
import { idempotencyKey } from '../../src/domain/idempotency-key.ts';
import type { ControlStore } from '../../src/gateway/ports.ts';
import { ToolError } from '../../src/gateway/tool-error.ts';
import { defineTool, type ToolDefinition } from '../../src/tools/define-tool.ts';
import { makeGateway, newContext } from './support.ts';

const input = z.object({ order: z.string().optional() });
const output = z.object({ id: z.string() });
type Fields = Partial<ToolDefinition<typeof input, typeof output>>;

/** A write that counts how often it happened. */
const makeRefund = (fields: Fields = {}) => {
  const done: string[] = [];
  const tool = defineTool({
    name: 'refund',
    description: 'Refund',
    effect: 'write',
    input,
    output,
    execute: (_, { idempotencyKey }) => {
      done.push(idempotencyKey);
      return { id: `r${done.length}` };
    },
    ...fields,
  });
  return { tool, done };
};

/** A worker that dies right after its tool has run: what it would have written is lost. */
const dyingAfterTheTool = (store: ControlStore): ControlStore => ({
  ...store,
  ledger: { ...store.ledger, settle: () => Promise.reject(new Error('killed')), renew: async () => true },
});

const lost = () => Promise.reject(Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }));

describe('after a crash between effect and settlement', () => {
  it('INVARIANT E1: an attempt that was settled is answered from the ledger, whatever rights say by then', async () => {
    const { tool, done } = makeRefund({ requires: ['refund'] });
    let isAllowed = true;
    const { run } = await makeGateway([tool], { authorizer: () => isAllowed });
    const context = newContext();
    const first = await run('refund', context);
    isAllowed = false;

    const second = await run('refund', context, { attempt: 2 });

    expect(second.result).toMatchObject({ status: 'succeeded', output: first.result.output });
    expect(done).toHaveLength(1);
  });

  it('INVARIANT E4: nobody touches the row before its lease has ended', async () => {
    const { tool, done } = makeRefund({ idempotent: true });
    const context = newContext();
    const dying = await makeGateway([tool], { store: dyingAfterTheTool });
    await expect(dying.run('refund', context)).rejects.toThrow('killed');
    const { run } = await makeGateway([tool]);

    await expect(run('refund', context)).rejects.toMatchObject({ type: 'Effect.Busy' });
    expect(done).toHaveLength(1);
  });

  it('an idempotent tool runs again with the same key', async () => {
    const { tool, done } = makeRefund({ idempotent: true });
    const context = newContext();
    const dying = await makeGateway([tool], { store: dyingAfterTheTool, leaseMs: 200 });
    await expect(dying.run('refund', context)).rejects.toThrow('killed');
    const { run } = await makeGateway([tool]);
    await delay(250);

    const { result } = await run('refund', context, { attempt: 2 });

    expect(result).toMatchObject({ status: 'succeeded', attempts: 2 });
    expect(new Set(done).size).toBe(1);
  });

  it.each([
    { name: 'says that it happened', found: { status: 'succeeded', output: { id: 'found' } }, status: 'succeeded' },
    { name: 'says that it did not', found: { status: 'failed' }, status: 'failed' },
    { name: 'does not know', found: { status: 'unknown' }, status: 'unknown' },
  ] as const)('reconcile $name: $status, and the tool is not called again', async ({ found, status }) => {
    const { tool, done } = makeRefund({ reconcile: () => found });
    const context = newContext();
    const dying = await makeGateway([tool], { store: dyingAfterTheTool, leaseMs: 100 });
    await expect(dying.run('refund', context)).rejects.toThrow('killed');
    const { run } = await makeGateway([tool]);
    await delay(150);

    const { result } = await run('refund', context, { attempt: 2 });

    expect(result.status).toBe(status);
    expect(done).toHaveLength(1);
  });

  it('INVARIANT E3: a plain tool is unknown, and a person settles it', async () => {
    const { tool, done } = makeRefund();
    const context = newContext();
    const dying = await makeGateway([tool], { store: dyingAfterTheTool, leaseMs: 100 });
    await expect(dying.run('refund', context)).rejects.toThrow('killed');
    const { run, gateway, store } = await makeGateway([tool]);
    await delay(150);

    expect((await run('refund', context, { attempt: 2 })).result.status).toBe('unknown');
    const key = idempotencyKey(context, 's1.c1', {});
    const { result } = await gateway.resolve({
      call: { id: 's1.c1', tool: 'refund', args: {} },
      context,
      key,
      happened: true,
      output: { id: 'r1' },
      human: { decision: 'approved', verified: false, at: '2026-01-01T00:00:00.000Z', by: 'ben' },
    });

    expect(result).toMatchObject({ status: 'succeeded', output: { output: { id: 'r1' } } });
    expect(await store.ledger.find(key, digestJson({}))).toMatchObject({ state: 'succeeded', output: { id: 'r1' } });
    expect(done).toHaveLength(1);
  });

  it('a slow zombie that comes back cannot settle what was judged without it', async () => {
    const { promise: waiting, resolve: release } = Promise.withResolvers<void>();
    const { tool } = makeRefund({
      execute: async () => (await waiting, { id: 'late' }),
      reconcile: () => ({ status: 'failed' }),
    });
    const context = newContext();
    const zombie = await makeGateway([tool], {
      leaseMs: 100,
      store: (store) => ({ ...store, ledger: { ...store.ledger, renew: async () => true } }),
    });
    const running = zombie.run('refund', context);
    const { run } = await makeGateway([tool]);
    await delay(150);
    expect((await run('refund', context, { attempt: 2 })).result.status).toBe('failed');

    release();

    await expect(running).rejects.toMatchObject({ type: 'Effect.Busy' });
  });

  it('two workers that begin the same call at the same moment run it once', async () => {
    const { tool, done } = makeRefund();
    const context = newContext();
    const workers = await Promise.all([makeGateway([tool]), makeGateway([tool]), makeGateway([tool])]);

    const ends = await Promise.allSettled(workers.map(({ run }) => run('refund', context)));

    expect(done).toHaveLength(1);
    expect(ends.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThanOrEqual(1);
  });
});

describe('lost replies', () => {
  it('INVARIANT E3: of a plain tool are unknown; reconcile is asked at once where there is one', async () => {
    const plain = makeRefund({ execute: lost });
    const known = makeRefund({ execute: lost, reconcile: () => ({ status: 'succeeded', output: { id: 'found' } }) });

    expect((await (await makeGateway([plain.tool])).run('refund', newContext())).result.status).toBe('unknown');
    expect((await (await makeGateway([known.tool])).run('refund', newContext())).result).toMatchObject({
      status: 'succeeded',
      output: { id: 'found' },
    });
  });

  it('a tool that says that nothing happened has failed', async () => {
    const { tool } = makeRefund({
      execute: () => Promise.reject(new ToolError('closed today', { kind: 'permanent', nothingHappened: true })),
    });

    expect((await (await makeGateway([tool])).run('refund', newContext())).result).toMatchObject({
      status: 'failed',
      output: expect.stringContaining('closed today'),
    });
  });

  it('after an attempt that may have happened, a refusal proves nothing', async () => {
    const answers = [() => lost(), () => Promise.reject(Object.assign(new Error('no such order'), { status: 404 }))];
    const make = () => {
      let attempt = 0;
      return makeRefund({ idempotent: true, execute: () => answers[attempt++]?.() as never }).tool;
    };
    const { run } = await makeGateway([make()]);
    const context = newContext();
    await expect(run('refund', context)).rejects.toMatchObject({
      type: 'Tool.Failed',
      details: [{ cleanAttempts: 0 }],
    });

    expect((await run('refund', context, { attempt: 2 })).result.status).toBe('unknown');
  });

  it('a service that could not be reached, and then says no, has failed', async () => {
    const answers = [
      () => Promise.reject(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })),
      () => Promise.reject(Object.assign(new Error('no such order'), { status: 404 })),
    ];
    let attempt = 0;
    const { tool } = makeRefund({ idempotent: true, execute: () => answers[attempt++]?.() as never });
    const { run } = await makeGateway([tool]);
    const context = newContext();
    await expect(run('refund', context)).rejects.toMatchObject({ details: [{ cleanAttempts: 1 }] });

    expect((await run('refund', context, { attempt: 2, cleanAttempts: 1 })).result.status).toBe('failed');
  });

  it('what reading back denies is unknown', async () => {
    const { tool } = makeRefund({ verify: () => 'no such refund' });

    expect((await (await makeGateway([tool])).run('refund', newContext())).result).toMatchObject({
      status: 'unknown',
      output: expect.stringContaining('no such refund'),
    });
  });
});

describe('INVARIANT E6: the same effect proposed again', () => {
  const keyed = () => makeRefund({ effectKey: ({ order }) => `order-${order}-${prefix}` });
  let prefix = '';
  const fresh = () => {
    prefix = crypto.randomUUID();
    return keyed();
  };

  it('by another step, task or agent gives the recorded result', async () => {
    const { tool, done } = fresh();
    const { run } = await makeGateway([tool]);
    const args = { order: '17' };
    await run('refund', newContext(), { args });

    const { result } = await run('refund', newContext(), { args, callId: 's4.c2' });

    expect(result).toMatchObject({ status: 'replayed', output: { id: 'r1' } });
    expect(done).toHaveLength(1);
  });

  it('by another tenant is another effect', async () => {
    const { tool, done } = fresh();
    const { run } = await makeGateway([tool]);
    const args = { order: '17' };
    await run('refund', newContext({ principal: { id: 'ana', tenant: 'acme' } }), { args });
    await run('refund', newContext({ principal: { id: 'ana', tenant: 'other' } }), { args });

    expect(done).toHaveLength(2);
  });

  it('with other arguments under the key asks, at review and at execution', async () => {
    const key = `same-${crypto.randomUUID()}`;
    const { tool } = makeRefund({ effectKey: () => key });
    const { run, review } = await makeGateway([tool]);
    await run('refund', newContext(), { args: { order: '17' } });

    expect((await review('refund', newContext(), { args: { order: '18' } })).verdict).toMatchObject({
      outcome: 'ask',
      reasons: [{ code: 'effect_key_conflict' }],
    });
    expect(await run('refund', newContext(), { args: { order: '18' } })).toMatchObject({
      result: { status: 'rejected' },
      ask: { verdict: { reasons: [{ code: 'effect_key_conflict' }] } },
    });
  });

  it('waits while the first one is under way or unknown', async () => {
    const key = `slow-${crypto.randomUUID()}`;
    const { tool } = makeRefund({ effectKey: () => key, execute: lost });
    const { run } = await makeGateway([tool]);
    expect((await run('refund', newContext())).result.status).toBe('unknown');

    await expect(run('refund', newContext())).rejects.toMatchObject({ type: 'Effect.Busy' });
  });

  it('after it was undone is done again', async () => {
    const key = `undone-${crypto.randomUUID()}`;
    const { tool, done } = makeRefund({ effectKey: () => key, compensate: () => undefined });
    const { run, gateway } = await makeGateway([tool]);
    const context = newContext();
    await run('refund', context);
    await undo(gateway, context);

    expect((await run('refund', newContext())).result.status).toBe('succeeded');
    expect(done).toHaveLength(2);
  });
});

const undo = (
  gateway: Awaited<ReturnType<typeof makeGateway>>['gateway'],
  context: ReturnType<typeof newContext>,
  isForced?: boolean,
) =>
  gateway.compensate({
    call: { id: 's1.c1', tool: 'refund', args: {} },
    context,
    key: idempotencyKey(context, 's1.c1', {}),
    ...(isForced === undefined ? {} : { isForced }),
    run: { signal: new AbortController().signal, attempt: 1, heartbeat: () => undefined },
  });

describe('INVARIANT E7: undoing', () => {
  it('hands over input, output, before-image and a key of its own, once', async () => {
    const undone: unknown[] = [];
    const { tool } = makeRefund({
      snapshot: () => ({ before: 'image' }),
      compensate: (given, out, context) => {
        undone.push({ given, out, key: context.idempotencyKey, of: context.effectKey, snapshot: context.snapshot });
      },
    });
    const { run, gateway } = await makeGateway([tool]);
    const context = newContext();
    await run('refund', context);

    expect(await undo(gateway, context)).toMatchObject({ status: 'compensated' });
    expect(await undo(gateway, context)).toMatchObject({ status: 'compensated' });

    const key = idempotencyKey(context, 's1.c1', {});
    expect(undone).toEqual([
      { given: {}, out: { id: 'r1' }, key: `${key}/undo`, of: key, snapshot: { before: 'image' } },
    ]);
  });

  it('needs no right of now: it runs under the principal recorded with the effect', async () => {
    const principals: string[] = [];
    let isAllowed = true;
    const { tool } = makeRefund({
      requires: ['refund'],
      compensate: (_i, _o, { principal }) => void principals.push(principal.id),
    });
    const { run, gateway } = await makeGateway([tool], { authorizer: () => isAllowed });
    const context = newContext();
    await run('refund', context);
    isAllowed = false;

    expect((await undo(gateway, { ...context, principal: { id: 'eve' } })).status).toBe('compensated');
    expect(principals).toEqual(['ana']);
  });

  it.each([
    { name: 'what never began is nothing', fields: {}, prepare: false, status: 'nothing' },
    {
      name: 'what failed is nothing',
      fields: {
        execute: () => Promise.reject(new ToolError('no', { kind: 'permanent', nothingHappened: true })),
        compensate: () => undefined,
      },
      prepare: true,
      status: 'nothing',
    },
    { name: 'a tool that cannot undo', fields: {}, prepare: true, status: 'none' },
    {
      name: 'what is unknown is not undone blindly',
      fields: { execute: lost, compensate: () => undefined },
      prepare: true,
      status: 'unknown',
    },
    {
      name: 'what cannot be undone for good',
      fields: { compensate: () => Promise.reject(new ToolError('too late', { kind: 'permanent' })) },
      prepare: true,
      status: 'failed',
    },
  ] as const)('$name: $status', async ({ fields, prepare, status }) => {
    const { tool } = makeRefund(fields);
    const { run, gateway } = await makeGateway([tool]);
    const context = newContext();
    if (prepare) await run('refund', context);

    expect((await undo(gateway, context)).status).toBe(status);
  });

  it('a passing error is tried again with the same key', async () => {
    const keys: string[] = [];
    const { tool } = makeRefund({
      compensate: (_i, _o, { idempotencyKey }) => {
        keys.push(idempotencyKey);
        if (keys.length === 1) throw new ToolError('busy', { kind: 'transient' });
      },
    });
    const { run, gateway } = await makeGateway([tool]);
    const context = newContext();
    await run('refund', context);

    await expect(undo(gateway, context)).rejects.toMatchObject({ type: 'Tool.Failed' });
    expect((await undo(gateway, context)).status).toBe('compensated');
    expect(new Set(keys).size).toBe(1);
  });

  it('what another task relies on is undone only after asking', async () => {
    const key = `shared-${crypto.randomUUID()}`;
    const { tool } = makeRefund({ effectKey: () => key, compensate: () => undefined });
    const { run, gateway } = await makeGateway([tool]);
    const context = newContext();
    await run('refund', context);
    await run('refund', newContext());

    expect((await undo(gateway, context)).status).toBe('shared');
    expect((await undo(gateway, context, true)).status).toBe('compensated');
  });

  it('a before-image that cannot be taken keeps the effect from being done', async () => {
    const { tool, done } = makeRefund({
      snapshot: () => Promise.reject(new Error('unreadable')),
      compensate: () => undefined,
    });
    const { run } = await makeGateway([tool]);

    expect((await run('refund', newContext())).result).toMatchObject({
      status: 'rejected',
      output: expect.stringContaining('unreadable'),
    });
    expect(done).toEqual([]);
  });
});
