import { describe, expect, it } from 'vitest';
import { contentDigest } from '../../src/domain/signed-decision.ts';

type Content = Parameters<typeof contentDigest>[0];

const said: Content = { args: { to: 'ben' }, text: 'as agreed', scope: 'values', same: ['/to'] };

describe('INVARIANT A3: what a signature covers beside yes or no', () => {
  const others: readonly Content[] = [
    {},
    { args: { to: 'eve' } },
    { args: {} },
    { text: 'as agreed' },
    { text: '' },
    { scope: 'tool' },
    { scope: 'values' },
    { scope: 'values', same: ['/to'] },
    { scope: 'values', same: ['/amount'] },
    { ...said, args: { to: 'eve' } },
    { ...said, text: 'not as agreed' },
    { ...said, scope: 'tool' },
    { ...said, same: ['/to', '/amount'] },
    said,
  ];

  it('is everything that was said: no two contents have one digest', () => {
    expect(new Set(others.map(contentDigest)).size).toBe(others.length);
  });

  it('is the same where nothing is said and where once is', () => {
    expect(contentDigest({ scope: 'once' })).toBe(contentDigest({}));
  });
});
