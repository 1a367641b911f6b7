import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineTool } from '../../src/tools/define-tool.ts';
import { makeGateway, newContext } from './support.ts';

/** Stands still as a process does that was stopped: no timer runs, and what was awaited is there at once afterwards. */
const freeze = (ms: number): void => {
  const end = Date.now() + ms;
  while (Date.now() < end);
};

describe('INVARIANT E4: a runner that was frozen', () => {
  const act = async (timeout: '1s' | '30s', { leaseMs, frozenMs }: { leaseMs: number; frozenMs: number }) => {
    const done: string[] = [];
    const tool = defineTool({
      name: 'act',
      description: 'Act',
      effect: 'write',
      timeout,
      input: z.object({}),
      execute: async (_, { signal }) => {
        await Promise.resolve().then(() => freeze(frozenMs));
        signal.throwIfAborted();
        done.push('the effect');
        return 'ok';
      },
    });
    const { run } = await makeGateway([tool], { leaseMs });
    return { ran: await run('act', newContext()).catch((error: unknown) => ({ error })), done };
  };

  it('does nothing any more once the time of its tool is over', async () => {
    const { done, ran } = await act('1s', { leaseMs: 60_000, frozenMs: 1_050 });

    expect(done).toEqual([]);
    expect(ran).toMatchObject({ result: { status: 'unknown' } });
  });

  it('does nothing any more once its lease is over, whatever time its tool has', async () => {
    const { done } = await act('30s', { leaseMs: 300, frozenMs: 700 });

    expect(done).toEqual([]);
  });

  it('goes on where its time is not over', async () => {
    const { done, ran } = await act('30s', { leaseMs: 60_000, frozenMs: 300 });

    expect(done).toEqual(['the effect']);
    expect(ran).toMatchObject({ result: { status: 'succeeded' } });
  });

  it('asks nobody any more: a request with its signal is not sent', async () => {
    const asked: unknown[] = [];
    const tool = defineTool({
      name: 'act',
      description: 'Act',
      effect: 'write',
      timeout: '1s',
      input: z.object({}),
      execute: async (_, { signal }) => {
        await Promise.resolve().then(() => freeze(1_050));
        asked.push(await fetch('http://127.0.0.1:9', { signal }).catch((error: unknown) => error));
        return 'ok';
      },
    });
    const { run } = await makeGateway([tool], { leaseMs: 60_000 });
    await run('act', newContext());

    expect(asked).toMatchObject([{ name: 'TimeoutError' }]);
  });
});
