import { randomUUID } from 'node:crypto';
import { describe, expect, expectTypeOf, it } from 'vitest';
import type { z } from 'zod';
import { CalibrationSchema, DecisionListSchema } from '../../src/domain/schemas/decisions.ts';
import type { DecisionRow, DecisionStats } from '../../src/gateway/desk-ports.ts';
import { testStore } from '../store/support.ts';
import { makeEnd, makeSubject, noMessages } from '../support/desk-events.ts';
import { migratedStore } from '../support/store.ts';
import { type CliResult, cli } from './support.ts';

const ESCAPE = '\u001b[2J';

/** A store with decisions of a namespace, and the command that reads them. */
const makeSession = async (): Promise<(...args: string[]) => Promise<CliResult>> => {
  const url = await migratedStore();
  const namespace = `n-${randomUUID()}`;
  const store = await testStore({ url, namespace });
  const events = [
    makeEnd('approved', 60_000, { decisionId: 's1.c1-aaaa' }),
    makeEnd('denied', 180_000, { decisionId: 's2.c1-aaaa', since: '2026-03-02T10:00:00.000Z' }),
    makeEnd('expired', 1, {
      decisionId: 's3.c1-aaaa',
      rule: `mail${ESCAPE}`,
      tool: '',
      since: '2026-03-03T10:00:00.000Z',
    }),
  ];
  await store.deskLog.record(makeSubject({ taskId: 'order-17', epoch: 'e1' }), events, noMessages);
  return async (...args) =>
    await cli(['decisions', ...args, '--namespace', namespace], { env: { HOLDFAST_STORE_URL: url } });
};

describe('decisions', { timeout: 60_000 }, () => {
  it('counts by rule, and by tool, also for programs', async () => {
    const decisions = await makeSession();

    const [text, json] = [await decisions(), await decisions('--by', 'tool', '--json')];

    expect([text.code, json.code]).toEqual([0, 0]);
    expect(text.stdout).toMatch(/^RULE +ASKED +APPROVED .*\nrefunds +2 +1 +1 +2 m\n/);
    expect(text.stdout).not.toContain(ESCAPE);
    const { by, since, stats } = CalibrationSchema.parse(JSON.parse(json.stdout));
    expect([by, since]).toEqual(['tool', null]);
    expect(stats).toMatchObject([
      { of: 'orders.refund', asked: 2, approved: 1, denied: 1, medianMs: 120_000 },
      { of: '', asked: 1, expired: 1, medianMs: null },
    ]);
  });

  it('lists them newest first, page by page, and narrows', async () => {
    const decisions = await makeSession();

    const first = await decisions('--list', '--limit', '2', '--json');
    const { decisions: shown, next } = DecisionListSchema.parse(JSON.parse(first.stdout));
    const second = await decisions('--list', '--limit', '2', '--next', next ?? '', '--json');
    const text = await decisions('--list', '--rule', 'refunds', '--since', '2026-03-02');

    expect(shown.map(({ id }) => id)).toEqual(['s3.c1-aaaa', 's2.c1-aaaa']);
    expect(JSON.parse(second.stdout)).toMatchObject({
      decisions: [{ id: 's1.c1-aaaa', taskId: 'order-17' }],
      next: null,
    });
    expect(text.stdout.trim().split('\n')).toHaveLength(2);
    expect(text.stdout).toMatch(/order-17 +s2\.c1-aaaa +orders\.refund +refunds +0\.80 +denied +3 m +ben/);
  });

  it('says in words what cannot be used', async () => {
    const decisions = await makeSession();

    const results = [
      await decisions('--since', 'yesterday'),
      await decisions('--next', 'abc'),
      await decisions('--list', '--next', 'abc', '--json'),
    ];

    expect(results.map(({ code }) => code)).toEqual([1, 1, 1]);
    expect(results[0]?.stderr).toContain('Expected a duration such as 30d');
    expect(results[1]?.stderr).toContain('--next goes with --list');
    expect(JSON.parse(results[2]?.stdout ?? '')).toMatchObject({ error: { type: 'Store.Refused' } });
  });

  // Checked by the compiler.
  it('are described by their schemas', () => {
    expectTypeOf<z.output<typeof CalibrationSchema>['stats'][number]>().toEqualTypeOf<Mutable<DecisionStats>>();
    expectTypeOf<z.output<typeof DecisionListSchema>['decisions'][number]>().toEqualTypeOf<Mutable<DecisionRow>>();
    expect(CalibrationSchema.safeParse({ by: 'rule', since: null, stats: [] }).success).toBe(true);
  });
});

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer Each)[] ? Each[] : T[K] };
