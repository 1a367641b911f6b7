import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DECISION_NAMES } from '../../src/domain/decision.ts';
import { checkControl, checkDecision, checkRevoke } from '../../src/domain/messages.ts';

const token = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJiZW4ifQ.c2ln-_9';

describe('a decision message', () => {
  it('takes a scope with what stays the same, and a signature', () => {
    const payload = {
      id: 's1.c1-aaaa',
      scope: 'values',
      same: ['/to', '/items/0/a~1b', ''],
      token: `${token}\n`,
      note: 'n',
    };

    expect(checkDecision('approve', payload)).toEqual({
      ok: true,
      value: {
        name: 'approve',
        target: 's1.c1-aaaa',
        scope: 'values',
        same: ['/to', '/items/0/a~1b', ''],
        token,
        text: 'n',
      },
    });
    expect(checkDecision('deny', { reason: 'no', token })).toMatchObject({ ok: true, value: { text: 'no', token } });
    expect(checkDecision('answer', { text: 'blue', token })).toMatchObject({ ok: true, value: { token } });
  });

  it.each([
    { field: 'scope', payload: { scope: 'all' }, says: '"once", "values" or "tool"' },
    { field: 'scope', payload: { scope: ['tool'] }, says: '"once", "values" or "tool"' },
    { field: 'scope', payload: { scope: { toString: 'tool' } }, says: '"once", "values" or "tool"' },
    { field: 'same', payload: { same: ['/to'] }, says: '{"scope":"values","same":["/to"]}' },
    { field: 'same', payload: { scope: 'tool', same: ['/to'] }, says: 'scope "values"' },
    { field: 'same', payload: { scope: 'values', same: '/to' }, says: '["/to","/amount"]' },
    { field: 'same', payload: { scope: 'values', same: [] }, says: '1 to 20' },
    { field: 'same', payload: { scope: 'values', same: Array.from({ length: 21 }, () => '/a') }, says: '1 to 20' },
    { field: 'same', payload: { scope: 'values', same: ['to'] }, says: '"/to"' },
    { field: 'same', payload: { scope: 'values', same: ['/a~2'] }, says: 'JSON pointers' },
    { field: 'same', payload: { scope: 'values', same: [['/a']] }, says: 'JSON pointers' },
    { field: 'same', payload: { scope: 'values', same: [`/${'ä'.repeat(100)}`] }, says: 'at most 200 bytes' },
    { field: 'token', payload: { token: 7 }, says: 'must be a text' },
    { field: 'token', payload: { token: '' }, says: 'three parts' },
    { field: 'token', payload: { token: 'a.b' }, says: 'three parts' },
    { field: 'token', payload: { token: 'a.b.c.d' }, says: 'three parts' },
    { field: 'token', payload: { token: 'a.b.' }, says: 'three parts' },
    { field: 'token', payload: { token: 'a b.c.d' }, says: 'three parts' },
    { field: 'token', payload: { token: `a.${'b'.repeat(9 * 1024)}.c` }, says: 'longer than 8192' },
  ])('is refused for a wrong $field, with an example: $payload', ({ field, payload, says }) => {
    const checked = checkDecision('approve', payload);

    expect(checked).toMatchObject({ ok: false, refusal: expect.stringContaining(`"${field}"`) });
    expect(checked).toMatchObject({ ok: false, refusal: expect.stringContaining(says) });
  });

  it.each([
    { name: 'deny' as const, payload: { scope: 'tool' } },
    { name: 'deny' as const, payload: { args: {} } },
    { name: 'answer' as const, payload: { text: 'x', scope: 'once' } },
  ])('takes only the fields of its name: $name $payload', ({ name, payload }) => {
    expect(checkDecision(name, payload)).toMatchObject({
      ok: false,
      refusal: expect.stringContaining('unknown field'),
    });
  });

  it('that is one long text, or nested without end, is refused and not quoted whole', () => {
    const deep = JSON.parse(`{"args":${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}}`) as unknown;
    for (const payload of [
      'x'.repeat(1_000_000),
      { ['x'.repeat(1_000_000)]: 1 },
      { note: 'ä'.repeat(500_000) },
      deep,
    ]) {
      const checked = checkDecision('approve', payload);

      expect(checked.ok).toBe(false);
      expect(checked.ok ? '' : checked.refusal.length).toBeLessThan(300);
    }
  });

  it('gets nothing from a prototype', () => {
    const inherited: unknown = JSON.parse('{"__proto__":{"token":"a.b.c","scope":"tool"}}');
    const own: unknown = Object.create({ token, scope: 'tool', id: 's1.c1-aaaa' });

    expect(checkDecision('approve', inherited).ok).toBe(false);
    expect(checkDecision('approve', { args: JSON.parse('{"__proto__":{"x":1}}') as unknown }).ok).toBe(true);
    expect(Object.hasOwn(Object.prototype, 'x')).toBe(false);
    expect(checkDecision('approve', own).ok).toBe(true);
  });

  it('is never thrown at, whatever it is', () => {
    const fields = fc.constantFrom('id', 'callId', 'args', 'note', 'by', 'scope', 'same', 'token', 'text', 'reason');
    const payload = fc.oneof(fc.jsonValue(), fc.dictionary(fields, fc.jsonValue()));
    fc.assert(
      fc.property(
        fc.constantFrom(...DECISION_NAMES),
        payload,
        fc.option(fc.string(), { nil: undefined }),
        (name, given, target) => {
          const checked = checkDecision(name, given, target);
          expect(checked.ok ? checked.value.name : checked.refusal).toBeTypeOf('string');
          for (const other of [checkRevoke(given, target), checkControl('reason', given)]) {
            expect(other.ok || other.refusal).toBeTruthy();
          }
        },
      ),
    );
  });
});

describe('the message that takes an approval back', () => {
  it.each([
    { payload: { id: 's1.c1-aaaa', by: 'ben' }, target: undefined, value: { id: 's1.c1-aaaa', by: 'ben' } },
    { payload: undefined, target: 's1.c1-aaaa', value: { id: 's1.c1-aaaa' } },
    { payload: { id: 's9.c9-ffff' }, target: 's1.c1-aaaa', value: { id: 's1.c1-aaaa' } },
  ])('names it: $payload', ({ payload, target, value }) => {
    expect(checkRevoke(payload, target)).toEqual({ ok: true, value });
  });

  it.each([
    { payload: undefined },
    { payload: {} },
    { payload: { id: ' ' } },
    { payload: { id: 7 } },
    { payload: 'x' },
  ])('is refused with an example: $payload', ({ payload }) => {
    expect(checkRevoke(payload).ok).toBe(false);
  });
});
