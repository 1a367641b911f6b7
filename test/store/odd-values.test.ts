import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packText, unpackText } from '../../src/store/safe-text.ts';
import { begin, makeEntry, makeStart, makeTask, rowOf, settle, testStore } from './support.ts';

const ODD = 'a\0b\ud800c\udfff"\\\u{1F600}\u0001json:"x"';

describe('odd values', () => {
  it('are texts that PostgreSQL can store, each another one, and come back as they were', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom('\0', '\ud800', '\u0001', 'json:', '"', '\\', 'a') }),
    );
    const survives = fc.property(text, (value) => {
      const packed = packText(value);
      return packed.isWellFormed() && !packed.includes('\0') && unpackText(packed) === value;
    });
    expect(fc.check(survives).failed).toBe(false);
  });

  it('survive in every text and in JSON of the ledger', async () => {
    const store = await testStore();
    const task = { taskId: `${makeTask().taskId}${ODD}`, epoch: ODD };
    const value = { [ODD]: [ODD, { __proto__x: ODD }], n: 1e300 };
    const start = makeStart(task, {
      key: `${task.taskId}/k`,
      callId: ODD,
      tool: ODD,
      agent: ODD,
      principal: { id: ODD, tenant: ODD, roles: [ODD] },
      semanticKey: ODD,
      approval: ODD,
      snapshot: value,
      audit: makeEntry({ tool: ODD, callId: ODD }),
    });

    const token = await begin(store, start);
    await settle(store, start, token, { state: 'succeeded', output: value, error: ODD });

    expect(await rowOf(store, start)).toMatchObject({
      key: start.key,
      task,
      callId: ODD,
      tool: ODD,
      principal: start.principal,
      semanticKey: ODD,
      snapshot: value,
      output: value,
      error: ODD,
    });
    expect(await store.ledger.ofTask(task, { limit: 1 })).toHaveLength(1);
    expect(await store.ledger.findSemantic(ODD, ODD)).toMatchObject({ key: start.key });
    expect(await store.audit.epochs(task.taskId)).toEqual([ODD]);
  });

  it('tell null from nothing, and keep outputs of many megabytes', async () => {
    const store = await testStore();
    const start = makeStart(makeTask());
    const token = await begin(store, start);
    const output = { text: 'é'.repeat(8_000_000) };

    await settle(store, start, token, { state: 'succeeded', output });

    expect((await rowOf(store, start)).output).toEqual(output);
  });

  it('that no index can hold are refused, not tried for ever', async () => {
    const store = await testStore();
    // Random text: PostgreSQL compresses keys, and this one it cannot.
    const key = Array.from({ length: 20_000 }, (_, i) => String.fromCodePoint(0x4e00 + ((i * i * 7919) % 20_000))).join(
      '',
    );

    await expect(store.ledger.start(makeStart(makeTask(), { key }))).rejects.toMatchObject({
      type: 'Store.Refused',
      nonRetryable: true,
    });
  });
});
