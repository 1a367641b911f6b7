import { describe, expect, it } from 'vitest';
import { redactorFor } from '../../src/domain/secrets.ts';
import { createMessageMaker } from '../../src/notify/message.ts';
import { makeEnd, makeEvent, makeSubject } from '../support/desk-events.ts';
import { makeEndpoint } from './support.ts';

const settings = { namespace: 'prod', redact: redactorFor(['hunter2-hunter2']) };
const subject = makeSubject({ taskId: "order 17's", epoch: 'e1' }, { tenant: 'acme' });
const ops = makeEndpoint('https://ops.example');

const bodyOf = (...[event, over = {}]: [Parameters<typeof makeEvent>[0], Partial<typeof ops>?]) => {
  const [message] = createMessageMaker([{ ...ops, ...over }], settings)(subject, makeEvent(event));
  return JSON.parse(message?.body ?? 'null');
};

describe('a message', () => {
  it('says what is asked, why, of whom, and how to decide', () => {
    expect(bodyOf({ deadline: '2026-03-02T10:00:00.000Z' })).toEqual({
      type: 'holdfast.decision.asked',
      timestamp: '2026-03-01T10:00:00.000Z',
      data: {
        event: 's1.c1-7f3a/asked',
        namespace: 'prod',
        taskId: "order 17's",
        epoch: 'e1',
        agent: 'clerk',
        tenant: 'acme',
        decisionId: 's1.c1-7f3a',
        kind: 'approval',
        callId: 's1.c1',
        tool: 'orders.refund',
        risk: 'high',
        rule: 'refunds',
        codes: ['policy.ask'],
        policies: ['refunds-ask'],
        confidence: 0.8,
        since: '2026-03-01T10:00:00.000Z',
        deadline: '2026-03-02T10:00:00.000Z',
        roles: ['finance'],
        quorum: 1,
        summary: 'refunds ask a person',
        how: {
          cli: [
            `holdfast approve 'order 17'\\''s' s1.c1-7f3a`,
            `holdfast deny 'order 17'\\''s' s1.c1-7f3a --reason 'WHY'`,
          ],
          signals: ['approve s1.c1 7f3a', 'deny s1.c1 7f3a'],
        },
      },
    });
  });

  it('says how to sign where only signed decisions count', () => {
    const { data } = bodyOf({ signed: true });

    expect(data).toMatchObject({
      signed: true,
      how: { cli: [expect.stringMatching(/ --key FILE$/), expect.any(String)] },
    });
  });

  it('says who decided and how, without arguments and notes', () => {
    const at = '2026-03-01T10:00:05.000Z';
    const vote = { by: 'ben', issuer: 'https://id.example', roles: ['finance'], at };
    const human = { decision: 'edited', by: 'ben', verified: true, at, note: 'private', votes: [vote] } as const;
    const event = makeEnd('edited', 5_000, { human: { ...human, args: { iban: 'DE00' } } as typeof human });

    const body = bodyOf(event);

    expect(body.type).toBe('holdfast.decision.decided');
    expect(body.data.outcome).toEqual({
      decision: 'edited',
      by: 'ben',
      verified: true,
      at,
      votes: [{ by: 'ben', issuer: 'https://id.example', at }],
    });
    expect(body.data.how).toBeUndefined();
    expect(JSON.stringify(body)).not.toMatch(/iban|private/);
  });

  it('is answered with words where words are asked for', () => {
    expect(bodyOf({ kind: 'answer' }).data.how).toEqual({
      cli: [`holdfast answer 'order 17'\\''s' 'TEXT' --id s1.c1-7f3a`],
      signals: ['answer s1.c1 7f3a'],
    });
  });

  it('holds a link to the task where the address of the UI is known', () => {
    expect(bodyOf({}, { uiUrl: 'https://temporal.example/' }).data.ui).toBe(
      "https://temporal.example/namespaces/prod/workflows/order%2017's",
    );
  });

  it('holds no secret, and is bounded', () => {
    const body = bodyOf({
      summary: `use hunter2-hunter2 or AKIAIOSFODNN7EXAMPLE ${'x'.repeat(100_000)}`,
      roles: Array.from({ length: 10_000 }, () => 'role'),
    });

    expect(body.data.summary).not.toMatch(/hunter2|AKIA/);
    expect(JSON.stringify(body).length).toBeLessThan(10_000);
  });

  it('is made for those who want to know of such an event, each by its own settings', () => {
    const make = createMessageMaker(
      [
        { ...ops, name: 'all', events: ['asked', 'decided', 'voted'] },
        { ...ops, name: 'ends', events: ['decided'] },
      ],
      settings,
    );
    const toldOf = (event: Parameters<typeof makeEvent>[0]): string[] =>
      make(subject, makeEvent(event)).map(({ endpoint }) => endpoint);

    expect(toldOf({ type: 'asked' })).toEqual(['all']);
    expect(toldOf({ type: 'decided' })).toEqual(['all', 'ends']);
    expect(toldOf({ type: 'revoked' })).toEqual([]);
  });
});
