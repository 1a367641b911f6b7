import { describe, expect, it } from 'vitest';
import { rememberDenied } from '../../src/workflows/situation.ts';
import type { TaskState } from '../../src/workflows/state.ts';

describe('calls that a person denied', () => {
  // `situation.ts`: the oldest make room, and the outcome lists what is left. Proposed: the arguments of the largest are cut to what
  // `findDeniedValues` recognises (its texts and numbers), and call id, tool and reason always stay.
  it('are not forgotten because a large one was denied after them', () => {
    const denied: TaskState['denied'] = [];
    const task = { denied } as unknown as TaskState;
    rememberDenied(task, { callId: 's1.c1', tool: 'pay', args: { to: 'mallory@evil.example' } });

    rememberDenied(task, { callId: 's2.c1', tool: 'note', args: { text: 'lorem ipsum '.repeat(3_000) } });

    expect(denied.map(({ callId }) => callId)).toContain('s1.c1');
  });
});
