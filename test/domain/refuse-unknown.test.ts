import { describe, expect, it } from 'vitest';
import { emptyDesk, expireDecision, openDecision, ruleDecision } from '../../src/domain/desk.ts';
import { refuseUnknown } from '../../src/domain/find-decision.ts';
import { makePending } from '../support/page-view.ts';

const WHO = { roles: [], quorum: 1, verified: false, not: [] } as const;
const NOBODY = 'no decision of that name is pending; see the list of signals, or reload the page';

describe('a signal that nobody listens to', () => {
  const desk = emptyDesk();
  openDecision(desk, makePending({ who: WHO }));
  expireDecision(desk, 's1.c1-7f3a', 0);
  openDecision(desk, makePending({ id: 's2.c1-beef', callId: 's2.c1', who: WHO }));
  ruleDecision(desk, { name: 'deny', target: 's2.c1-beef' }, 0);
  openDecision(desk, makePending({ id: 's3.c1-cafe', callId: 's3.c1', who: WHO }));

  it.each([
    { signal: 'approve s1.c1 7f3a', told: 's1.c1-7f3a expired at 1970-01-01T00:00:00.000Z; this changed nothing' },
    { signal: ' approve s2.c1 beef', told: 's2.c1-beef was decided already (deny); this changed nothing' },
    { signal: 'deny s9.c9 ffff', told: 'no decision "s9.c9 ffff" is pending; pending: s3.c1-cafe' },
    { signal: 'answer s3.c1 cafe', told: 'answer is not possible for s3.c1-cafe; possible: approve, deny, edit' },
    { signal: 'approve s3.c1  cafe', told: NOBODY },
    { signal: 'approve s3.c1 cafe now', told: NOBODY },
    { signal: 'yes please', told: NOBODY },
    { signal: '', told: NOBODY },
    { signal: 'x'.repeat(100_000), told: NOBODY },
  ])('is told what became of it: $signal', ({ signal, told }) => {
    expect(refuseUnknown(desk, signal, 60_000)).toBe(told);
  });

  it('changes nothing', () => {
    const before = structuredClone(desk);
    refuseUnknown(desk, 'approve s3.c1 cafe', 60_000);
    expect(desk).toEqual(before);
  });
});
