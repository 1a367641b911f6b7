import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeLoop, emptyLoops, findLoop, type LoopState, watchLoops } from '../../src/domain/loops.ts';
import type { TranscriptItem } from '../../src/domain/transcript.ts';

type Made = {
  readonly tool: string;
  readonly args?: Record<string, unknown>;
  readonly output?: unknown;
  readonly status?: 'succeeded' | 'failed' | 'rejected';
  /** It has no result yet. */
  readonly travels?: boolean;
};

const toItems = (made: readonly Made[], step: number): readonly TranscriptItem[] => [
  {
    kind: 'proposal',
    id: `s${step}`,
    text: '',
    calls: made.map(({ tool, args = {} }, index) => ({
      id: `s${step}.c${index + 1}`,
      providerId: `p${step}-${index}`,
      name: tool.replaceAll('.', '__'),
      // The model gives other reasons each time; that makes no other call.
      arguments: JSON.stringify({ decision: { rationale: `because ${step}` }, ...args }),
    })),
  },
  ...made.flatMap(({ tool, output = 'ok', status = 'succeeded', travels = false }, index) =>
    travels
      ? []
      : [{ kind: 'result', id: `s${step}.c${index + 1}`, tool, status, output, trust: 'untrusted' } as const],
  ),
];

const transcript = (steps: readonly (readonly Made[])[]): readonly TranscriptItem[] =>
  steps.flatMap((made, index) => toItems(made, index + 1));

/** As the workflow does: looks after each step. */
const find = (steps: readonly (readonly Made[])[]) => {
  const items = transcript(steps);
  return findLoop(watchLoops(emptyLoops(), items), items);
};

const words = (steps: readonly (readonly Made[])[]): string | undefined => {
  const loop = find(steps);
  return loop === undefined ? undefined : describeLoop(loop);
};

const times = <T>(count: number, of: (n: number) => T): readonly T[] => Array.from({ length: count }, (_, n) => of(n));

const look = (what: string, output = `there is ${what}`): Made => ({ tool: 'orders.find', args: { what }, output });
const wait: Made = { tool: 'wait', args: { duration: '1m' }, output: 'waited 60 s' };
const plan: Made = { tool: 'plan', args: { steps: [] }, output: 'noted' };

describe('a loop is suspected', () => {
  it.each([
    {
      name: 'at the same call with the same result, three times in a row',
      steps: times(3, () => [look('x')]),
      says: 'orders.find with the same arguments and the same result, 3 times',
    },
    {
      name: 'at two calls in turn, three times over',
      steps: times(6, (n) => [look(n % 2 === 0 ? 'x' : 'y')]),
      says: 'orders.find, orders.find: the same calls with the same results, 3 times over',
    },
    {
      name: 'at four calls in turn, after others',
      steps: [[look('before')], ...times(12, (n) => [look(`w${n % 4}`)])],
      says: 'orders.find, orders.find, orders.find, orders.find: the same calls with the same results, 3 times over',
    },
    {
      name: 'at the same proposal of two calls, three times',
      steps: times(3, () => [look('x'), look('y')]),
      says: 'orders.find, orders.find: the same calls with the same results, 3 times over',
    },
    {
      name: 'at arguments in another order',
      steps: [
        { a: 1, b: 2 },
        { b: 2, a: 1 },
        { a: 1, b: 2 },
      ].map((args) => [{ tool: 'sum', args }]),
      says: 'sum with the same arguments and the same result, 3 times',
    },
    {
      name: 'at one error for four different attempts',
      steps: times(4, (n) => [
        { tool: 'refund', args: { order: n }, status: 'failed' as const, output: 'no such table' },
      ]),
      says: 'refund failed with the same error, 4 steps in a row',
    },
    {
      name: 'at four different attempts that are refused with the same words',
      steps: times(4, (n) => [{ tool: 'refund', args: { n }, status: 'rejected' as const, output: 'not permitted' }]),
      says: 'refund failed with the same error, 4 steps in a row',
    },
    {
      name: 'although a plan is noted between the calls',
      steps: times(3, () => [look('x'), plan]),
      says: 'orders.find with the same arguments and the same result, 3 times',
    },
    {
      name: 'when the call that comes next goes on with it',
      steps: [...times(3, () => [look('x')]), [{ ...look('x'), travels: true }]],
      says: 'orders.find with the same arguments and the same result, 3 times',
    },
  ])('$name', ({ steps, says }) => {
    expect(words(steps)).toBe(says);
  });
});

describe('no loop is suspected', () => {
  it.each([
    { name: 'at two calls that are the same', steps: times(2, () => [look('x')]) },
    { name: 'at one call whose result changes', steps: times(24, (n) => [look('x', `state ${n}`)]) },
    { name: 'at a poll with a wait between', steps: times(24, () => [look('x'), wait]) },
    { name: 'at a poll in steps of its own with a wait between', steps: times(24, (n) => [n % 2 ? wait : look('x')]) },
    { name: 'at waits alone', steps: times(24, () => [wait]) },
    { name: 'at plans alone', steps: times(24, () => [plan]) },
    { name: 'at the same call many times in one proposal', steps: [times(12, () => look('x'))] },
    {
      name: 'at a batch of one proposal that fails as one',
      steps: [times(12, (n) => ({ tool: 'refund', args: { n }, status: 'failed' as const, output: 'down' }))],
    },
    {
      name: 'at failures with different words',
      steps: times(8, (n) => [{ tool: 'refund', args: { n }, status: 'failed' as const, output: `no order ${n}` }]),
    },
    {
      name: 'at failures of which one was repaired',
      steps: times(8, (n) => [
        { tool: 'refund', args: { n }, ...(n === 5 ? {} : { status: 'failed' as const, output: 'down' }) },
      ]).filter((_, n) => n > 2),
    },
    {
      name: 'when something else comes next',
      steps: [...times(3, () => [look('x')]), [{ ...look('y'), travels: true }]],
    },
    {
      name: 'at a call that is made again and again between others',
      steps: times(24, (n) => [n % 2 === 0 ? look('x') : look(`w${n}`)]),
    },
  ])('$name', ({ steps }) => {
    expect(find(steps)).toBeUndefined();
  });

  it('for calls that a person let pass', () => {
    const items = transcript(times(3, () => [look('x')]));
    const more = transcript(times(5, () => [look('x')]));
    const all = transcript(times(6, () => [look('x')]));

    const after = watchLoops(emptyLoops(items.length), more);

    expect(findLoop(after, more)).toBeUndefined();
    expect(findLoop(watchLoops(after, all), all)).toBeDefined();
  });
});

describe('what loops are found by', () => {
  it('is the same whether the transcript is read at once or step by step', () => {
    const oneStep = fc.array(fc.record({ what: fc.constantFrom('a', 'b', 'c'), out: fc.constantFrom('1', '2') }), {
      minLength: 1,
      maxLength: 3,
    });
    fc.assert(
      fc.property(fc.array(oneStep, { maxLength: 20 }), (steps) => {
        const made = steps.map((step) => step.map(({ what, out }) => look(what, out)));
        let state: LoopState = emptyLoops();
        for (let count = 1; count <= made.length; count++) state = watchLoops(state, transcript(made.slice(0, count)));

        expect(state).toEqual({ ...watchLoops(emptyLoops(), transcript(made)), seen: transcript(made).length });
      }),
    );
  });

  it('does not grow with the task', () => {
    const state = watchLoops(emptyLoops(), transcript(times(500, (n) => [look(`w${n}`)])));

    expect(state.calls).toHaveLength(24);
    expect(JSON.stringify(state).length).toBeLessThan(8_000);
  });

  it('survives arguments that are no JSON, and results that nobody proposed', () => {
    const broken: readonly TranscriptItem[] = times(
      3,
      (n) =>
        [
          {
            kind: 'proposal',
            id: `s${n}`,
            text: '',
            calls: [{ id: `s${n}.c1`, providerId: '', name: 'x', arguments: '{' }],
          },
          { kind: 'result', id: `s${n}.c1`, tool: 'x', status: 'rejected', output: undefined, trust: 'trusted' },
          { kind: 'result', id: `lost${n}`, tool: 'y', status: 'failed', output: undefined, trust: 'trusted' },
        ] as const,
    ).flat();

    expect(() => findLoop(watchLoops(emptyLoops(), broken), broken)).not.toThrow();
  });
});

const distinct = fc.uniqueArray(fc.string({ maxLength: 8 }), { minLength: 1, maxLength: 40 });

describe('of any sequence of calls', () => {
  it('none without a repetition is taken for a loop', () => {
    fc.assert(
      fc.property(distinct, (names) => {
        expect(find(names.map((name) => [look(name)]))).toBeUndefined();
      }),
    );
  });

  it('none whose results all differ is taken for a loop, however often it is called', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b'), { maxLength: 40 }), (names) => {
        expect(find(names.map((name, n) => [look(name, `result ${n}`)]))).toBeUndefined();
      }),
    );
  });

  it('every planted cycle of up to four calls is found at its third round, and not before', () => {
    const cycle = fc.uniqueArray(fc.nat(99), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(distinct, cycle, (before, round) => {
        const prefix = before.map((name) => [look(`before ${name}`)]);
        const rounds = times(3, () => round.map((n) => [look(`planted ${n}`)])).flat();

        expect(find([...prefix, ...rounds])).toMatchObject({ kind: 'cycle', tools: round.map(() => 'orders.find') });
        expect(find([...prefix, ...rounds.slice(0, -1)])).toBeUndefined();
      }),
    );
  });
});
