import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Breaker,
  type BreakerReport,
  type BreakerRules,
  breakerPhase,
  CLOSED,
  FLEET_BREAKER,
  isClean,
  OWN_BREAKER,
  offerTool,
  passBreaker,
  settleBreaker,
} from '../../src/domain/breaker.ts';

const refused = (error: string, argsDigest: string): BreakerReport => ({ kind: 'refused', error, argsDigest });
const failure: BreakerReport = { kind: 'failure' };
const junk: BreakerReport = { kind: 'junk' };
const success: BreakerReport = { kind: 'success' };
const none: BreakerReport = { kind: 'none' };

const settle = (
  breaker: Breaker,
  report: BreakerReport,
  { principal = 'ana', holder = 'h', nowMs = 0, rules = OWN_BREAKER } = {},
): Breaker => settleBreaker(breaker, { report, principal, holder, nowMs }, rules);

const run = (reports: readonly BreakerReport[], rules: BreakerRules = OWN_BREAKER): Breaker =>
  reports.reduce((breaker, report) => settle(breaker, report, { rules }), CLOSED);

/** By ana and ben in turn. */
const runFleet = (reports: readonly BreakerReport[]): Breaker =>
  reports.reduce(
    (breaker, report, n) => settle(breaker, report, { rules: FLEET_BREAKER, principal: n % 2 === 0 ? 'ana' : 'ben' }),
    CLOSED,
  );

const probe = (
  breaker: Breaker,
  nowMs: number,
  { holder = 'p', principal = 'ana', rules = OWN_BREAKER } = {},
): Breaker => {
  const passed = passBreaker(breaker, { holder, principal, nowMs, ttlMs: 10_000 }, rules);
  if (!passed.ok) throw new Error(`not let through until ${passed.untilMs}`);
  return passed.breaker;
};

describe('when a breaker opens', () => {
  it.each([
    { name: 'two failures', reports: [failure, failure], phase: 'closed' },
    { name: 'three failures', reports: [failure, failure, failure], phase: 'open' },
    { name: 'three junk results', reports: [junk, junk, junk], phase: 'open' },
    { name: 'failures and junk together', reports: [junk, failure, junk], phase: 'open' },
    { name: 'a success between them', reports: [failure, failure, success, failure], phase: 'closed' },
    { name: 'cancelled calls between them', reports: [failure, none, failure, none, failure], phase: 'open' },
    {
      name: 'the same words for three inputs',
      reports: [refused('no access', 'a'), refused('no access', 'b'), refused('no access', 'c')],
      phase: 'open',
    },
    {
      name: 'the same words for one input',
      reports: [refused('no such order', 'a'), refused('no such order', 'a'), refused('no such order', 'a')],
      phase: 'closed',
    },
    {
      name: 'other words each time',
      reports: [refused('no order 1', 'a'), refused('no order 2', 'b'), refused('no order 3', 'c')],
      phase: 'closed',
    },
    {
      name: 'a failure between the same words',
      reports: [refused('no', 'a'), refused('no', 'b'), failure, refused('no', 'c')],
      phase: 'closed',
    },
    { name: 'a refusal between failures', reports: [failure, failure, refused('no', 'a'), failure], phase: 'open' },
  ])('$name: $phase', ({ reports, phase }) => {
    expect(breakerPhase(run(reports), 1)).toBe(phase);
  });

  it.each([
    { name: 'two principals and three failures', breaker: runFleet([failure, failure, failure]), phase: 'open' },
    { name: 'two principals and two failures', breaker: runFleet([failure, failure]), phase: 'closed' },
    {
      name: 'a success of anybody between them',
      breaker: runFleet([failure, failure, success, failure]),
      phase: 'closed',
    },
    {
      name: 'one principal and many failures',
      breaker: run(
        Array.from({ length: 50 }, () => failure),
        FLEET_BREAKER,
      ),
      phase: 'closed',
    },
    {
      name: 'refusals of two principals',
      breaker: runFleet(['a', 'b', 'c', 'd'].map((digest) => refused('invalid input', digest))),
      phase: 'closed',
    },
  ])('the fleet’s: $name: $phase', ({ breaker, phase }) => {
    expect(breakerPhase(breaker, 1)).toBe(phase);
  });

  it('keeps no words of the tool', () => {
    const words = 'the password is hunter2';

    const breaker = run([refused(words, 'a'), refused(words, 'b')]);

    expect(JSON.stringify(breaker)).not.toContain('hunter2');
  });
});

describe('a cool-down', () => {
  const opened = run([failure, failure, failure]);

  it('lets nobody through before it is over', () => {
    expect(passBreaker(opened, { holder: 'p', principal: 'ana', nowMs: 29_999, ttlMs: 1 }, OWN_BREAKER)).toEqual({
      ok: false,
      untilMs: 30_000,
    });
  });

  it('INVARIANT L2: lets one probe through, whose slot expires', () => {
    const probed = probe(opened, 30_000);
    const other = { holder: 'q', principal: 'ana', ttlMs: 1 };

    expect(passBreaker(probed, { ...other, nowMs: 39_999 }, OWN_BREAKER)).toEqual({ ok: false, untilMs: 40_000 });
    expect(passBreaker(probed, { ...other, holder: 'p', nowMs: 39_999 }, OWN_BREAKER).ok).toBe(true);
    expect(passBreaker(probed, { ...other, nowMs: 40_000 }, OWN_BREAKER).ok).toBe(true);
  });

  it('closes by the probe’s success', () => {
    expect(settle(probe(opened, 30_000), success, { holder: 'p' })).toBe(CLOSED);
  });

  it('doubles with every failed probe, up to five minutes', () => {
    const untils: number[] = [];
    let breaker = opened;
    for (let n = 0; n < 6; n++) {
      const nowMs = breaker.opening?.untilMs ?? 0;
      breaker = settle(probe(breaker, nowMs), failure, { holder: 'p', nowMs });
      untils.push((breaker.opening?.untilMs ?? 0) - nowMs);
    }

    expect(untils).toEqual([60_000, 120_000, 240_000, 300_000, 300_000, 300_000]);
  });

  it('heeds no report but the probe’s own', () => {
    const probed = probe(opened, 30_000);

    expect(settle(probed, success, { holder: 'late' })).toBe(probed);
    expect(settle(probed, failure, { holder: 'late' })).toBe(probed);
    expect(settle(opened, success, { holder: 'late' })).toBe(opened);
  });

  it('gives the slot back when nothing was learnt', () => {
    const back = settle(probe(opened, 30_000), none, { holder: 'p' });

    expect(breakerPhase(back, 30_000)).toBe('half_open');
    expect(passBreaker(back, { holder: 'q', principal: 'ana', nowMs: 30_001, ttlMs: 1 }, OWN_BREAKER).ok).toBe(true);
  });

  it('goes on after a refusal in other words, and starts again after one in the same words', () => {
    const byWords = run(['a', 'b', 'c'].map((digest) => refused('expired key', digest)));
    const probed = probe(byWords, 30_000);

    expect(breakerPhase(settle(probed, refused('no order 7', 'd'), { holder: 'p', nowMs: 30_001 }), 30_001)).toBe(
      'half_open',
    );
    expect(breakerPhase(settle(probed, refused('expired key', 'd'), { holder: 'p', nowMs: 30_001 }), 30_001)).toBe(
      'open',
    );
  });

  it('INVARIANT L2: offers the tool to one task, until the offer expires', () => {
    const offer = (breaker: Breaker, task: string, nowMs: number) =>
      offerTool(breaker, { task, principal: 'ana', nowMs }, OWN_BREAKER);
    const offered = offer(opened, 't1', 30_000);
    if (!offered.ok) throw new Error('not offered');

    expect(offer(opened, 't1', 29_999)).toEqual({ ok: false, untilMs: 30_000 });
    expect(offer(offered.breaker, 't2', 30_001)).toEqual({ ok: false, untilMs: 90_000 });
    expect(offer(offered.breaker, 't1', 30_001)).toEqual(offered);
    expect(offer(offered.breaker, 't2', 90_000).ok).toBe(true);
    expect(offer(probe(offered.breaker, 30_001), 't1', 30_002)).toEqual({ ok: false, untilMs: 40_001 });
  });

  it('INVARIANT L2: whoever failed the fleet’s probe gives way to others for one offer', () => {
    const fleet = runFleet([failure, failure, failure]);
    const rules = FLEET_BREAKER;
    const again = settle(probe(fleet, 30_000, { rules }), failure, { holder: 'p', nowMs: 30_000, rules });
    const at = (principal: string, nowMs: number) =>
      passBreaker(again, { holder: 'q', principal, nowMs, ttlMs: 1 }, rules).ok;

    expect({ ben: at('ben', 90_000), ana: at('ana', 90_000), anaLater: at('ana', 150_000) }).toEqual({
      ben: true,
      ana: false,
      anaLater: true,
    });
  });
});

describe('any sequence of calls', () => {
  const report = fc.oneof(
    fc.constantFrom(success, failure, junk, none),
    fc.record({
      kind: fc.constant('refused' as const),
      error: fc.constantFrom('x', 'y'),
      argsDigest: fc.constantFrom('a', 'b', 'c', 'd'),
    }),
  );
  const event = fc.record({
    report,
    principal: fc.constantFrom('ana', 'ben', 'cai'),
    holder: fc.constantFrom('h1', 'h2', 'h3'),
    passMs: fc.integer({ min: 0, max: 400_000 }),
    /** False: a call that began long ago. */
    isAdmitted: fc.boolean(),
  });
  type Event = typeof event extends fc.Arbitrary<infer T> ? T : never;

  /** Plays calls one after another and tells after each what happened. */
  const play = (
    events: readonly Event[],
    rules: BreakerRules,
    see: (now: { breaker: Breaker; before: Breaker; event: Event; nowMs: number; wasLetIn: boolean }) => void,
  ) => {
    let breaker = CLOSED;
    let nowMs = 0;
    for (const event of events) {
      nowMs += event.passMs;
      const before = breaker;
      const passed = event.isAdmitted ? passBreaker(breaker, { ...event, nowMs, ttlMs: 60_000 }, rules) : undefined;
      if (passed?.ok === true) breaker = passed.breaker;
      if (passed?.ok !== false) breaker = settleBreaker(breaker, { ...event, nowMs }, rules);
      see({ breaker, before, event, nowMs, wasLetIn: passed?.ok === true });
    }
  };

  it('INVARIANT L2: never opens the fleet’s breaker by one principal', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        play(
          events.map((each) => ({ ...each, principal: 'ana' })),
          FLEET_BREAKER,
          ({ breaker }) => expect(breaker.opening).toBeUndefined(),
        );
      }),
    );
  });

  it('INVARIANT L2: never opens the fleet’s breaker by refusals', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const harmless = events.filter((each) => each.report.kind === 'refused' || each.report.kind === 'none');
        play(harmless, FLEET_BREAKER, ({ breaker }) => expect(isClean(breaker)).toBe(true));
      }),
    );
  });

  it('lets nobody in before the cool-down is over', () => {
    expect.hasAssertions();
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        for (const rules of [OWN_BREAKER, FLEET_BREAKER]) {
          play(events, rules, ({ before, nowMs, wasLetIn }) => {
            expect(wasLetIn && nowMs < (before.opening?.untilMs ?? 0)).toBe(false);
          });
        }
      }),
    );
  });

  it('stays of bounded size, opens only by a failing call, and closes an open breaker only by a success', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        for (const rules of [OWN_BREAKER, FLEET_BREAKER]) {
          play(events, rules, ({ breaker, before, event }) => {
            expect(JSON.stringify(breaker).length).toBeLessThan(700);
            const [wasOpen, isOpen] = [before.opening !== undefined, breaker.opening !== undefined];
            expect(!wasOpen && isOpen && ['success', 'none'].includes(event.report.kind)).toBe(false);
            expect(wasOpen && !isOpen && event.report.kind !== 'success').toBe(false);
          });
        }
      }),
    );
  });

  it('lets one probe through at a time', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 0, max: 90_000 })), { maxLength: 40 }),
        (asks) => {
          let breaker = run([failure, failure, failure]);
          let nowMs = 30_000;
          let slot: { holder: string; untilMs: number } | undefined;
          for (const [holder, passMs] of asks) {
            nowMs += passMs;
            const passed = passBreaker(breaker, { holder, principal: 'ana', nowMs, ttlMs: 60_000 }, OWN_BREAKER);
            const isTaken = slot !== undefined && slot.holder !== holder && nowMs < slot.untilMs;
            expect(passed.ok).toBe(!isTaken);
            if (!passed.ok) continue;
            slot = { holder, untilMs: nowMs + 60_000 };
            breaker = passed.breaker;
          }
        },
      ),
    );
  });
});
