import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { ProgressSchema } from '../../src/domain/schemas/progress.ts';
import { TraceSchema } from '../../src/domain/schemas/trace.ts';
import { buildTrace } from '../../src/domain/trace.ts';
import { parseHistoryFile } from '../../src/timeline/history-file.ts';
import { RecordReader } from '../../src/timeline/record.ts';

/** What the recorded runs of a task tell, one after another. */
const readRuns = async (...names: readonly string[]) => {
  const reader = new RecordReader('recorded');
  const progress = [];
  for (const name of names) {
    const text = await readFile(new URL(`../histories/${name}.json`, import.meta.url), 'utf8');
    const { history, runId } = parseHistoryFile(JSON.parse(text), name);
    for (const event of history.events ?? []) progress.push(...reader.push(event, runId));
  }
  const trace = buildTrace(reader.record);
  const told = trace.events.filter(({ type }) => !['message', 'ignored', 'pause', 'resume'].includes(type));
  const events = told.map(({ type, detail }) => [type, (detail as { id: string }).id]);
  const { calls = [] } = trace.steps[0] ?? {};
  return { reader, trace, events, progress, calls };
};

describe('what a history tells of its decisions', () => {
  it('names everybody who approved, with their votes', async () => {
    const { events, calls, trace } = await readRuns('approved-by-quorum');
    const [id] = events[0]?.slice(1) ?? [];

    expect(events).toEqual([
      ['asked', id],
      ['vote', id],
      ['decision', id],
    ]);
    expect(trace.events.map(({ detail }) => detail)).toMatchObject([
      { why: 'pay cannot be taken back', rule: 'two', roles: ['treasurer'], quorum: 2 },
      {},
      { by: 'ben', issuer: 'ben', votes: '1 of 2' },
      {},
      { decision: 'approved', by: 'ben, eva', verified: true, votes: [{ by: 'ben' }, { by: 'eva' }] },
    ]);
    expect(calls[0]?.human).toMatchObject({ verified: true, by: 'ben, eva' });
  });

  it('names reminders, whom it went to, and that nobody decided', async () => {
    const escalated = await readRuns('escalated-and-reminded', 'escalated-and-reminded-2');
    const expired = await readRuns('expired');
    const paused = await readRuns('expired-to-pause');

    expect(escalated.events.map(([type]) => type)).toEqual(['asked', 'reminded', 'escalated', 'decision']);
    expect(escalated.trace.events[2]?.detail).toMatchObject({ roles: ['treasurer'] });
    expect(expired.events.map(([type]) => type)).toEqual(['asked', 'expired']);
    expect(expired.calls[0]).toMatchObject({ human: { decision: 'expired', verified: false } });
    expect(paused.events.map(([type]) => type)).toEqual(['asked', 'expired', 'decision']);
  });

  it('is the same over a new run that began while it was pending, and nothing is told twice', async () => {
    const both = await readRuns('continued-as-new-while-pending', 'continued-as-new-while-pending-2');
    const second = await readRuns('continued-as-new-while-pending-2');

    const [first, other] = both.events.map(([, id]) => id);
    expect(both.events).toEqual([
      ['asked', first],
      ['asked', other],
      ['decision', other],
      ['reminded', first],
      ['decision', first],
    ]);
    expect(second.trace.steps.map(({ calls }) => calls)).toEqual(both.trace.steps.map(({ calls }) => calls));
    expect(second.events.at(-1)).toEqual(['decision', first]);
  });

  it('knows what waits where the run before is gone', async () => {
    const text = await readFile(new URL('../histories/continued-as-new-while-pending-2.json', import.meta.url), 'utf8');
    const { history } = parseHistoryFile(JSON.parse(text), 'second');
    const reader = new RecordReader('recorded');
    for (const event of history.events?.slice(0, 1) ?? []) reader.push(event, 'second');

    expect(reader.pending).toMatchObject([{ callId: 's1.c1', tool: 'pay' }]);
  });

  it('keeps what stands, counts what it let run, and drops it once it was taken back', async () => {
    const { trace, events } = await readRuns('standing-approval', 'standing-approval-2');
    const { reader } = await readRuns('standing-approval');

    expect(events).toContainEqual(['revoked', expect.stringMatching(/^s1\.c1-/)]);
    expect(trace.standing).toEqual([]);
    expect(reader.record.standing ?? []).toEqual([]);
    expect(trace.steps[1]?.calls[0]?.human).toMatchObject({ standing: expect.stringMatching(/^s1\.c1-/), by: 'ben' });
  });

  it('names signals that changed nothing, in the words of the task', async () => {
    const { trace, progress } = await readRuns('malformed-signals');

    const ignored = trace.events.flatMap(({ type, detail }) => (type === 'ignored' ? [detail] : []));
    expect(ignored).toEqual([
      { message: 'approve', reason: expect.stringContaining('the input must be empty or an object') },
      { message: 'approve', reason: expect.stringContaining('no decision "x" is pending') },
      { message: 'approve', reason: expect.stringContaining('the input must be empty or an object') },
      { message: 'nonsense', reason: expect.stringContaining('no decision of that name is pending') },
      { message: 'approve', reason: expect.stringContaining('the input must be empty or an object') },
    ]);
    expect(progress.filter(({ type }) => type === 'refused')).toHaveLength(5);
  });

  it('takes nothing for ignored that counted', async () => {
    for (const name of ['approved', 'denied', 'edited', 'paused-and-resumed', 'standing-approval', 'asked-a-person']) {
      const { trace } = await readRuns(name);
      expect([name, trace.events.filter(({ type }) => type === 'ignored')]).toEqual([name, []]);
    }
  });

  it('tells when it was paused and went on, and that it ended at a limit', async () => {
    const typesOf = async (name: string) => (await readRuns(name)).trace.events.map(({ type }) => type);

    expect(await typesOf('paused-and-resumed')).toEqual(expect.arrayContaining(['pause', 'resume']));
    expect(await typesOf('expired-to-pause')).toContain('pause');
    expect(await typesOf('limit-steps')).toContain('limit');
    expect(await typesOf('approved')).not.toContain('pause');
  });

  it('says what followed when nobody decided', async () => {
    const detailOf = async (name: string) =>
      (await readRuns(name)).trace.events.find(({ type }) => type === 'expired')?.detail;

    expect(await detailOf('expired')).toMatchObject({ then: 'deny' });
    expect(await detailOf('expired-to-pause')).toMatchObject({ then: 'pause' });
  });

  it.each([
    'approved-by-quorum',
    'escalated-and-reminded',
    'expired',
    'expired-to-pause',
    'continued-as-new-while-pending-2',
    'standing-approval',
    'approved',
    'compensation-asked',
    'malformed-signals',
  ])('has the shape of its schemas: %s', async (name) => {
    const { trace, progress } = await readRuns(name);

    expect(TraceSchema.safeParse(JSON.parse(JSON.stringify(trace)))).toMatchObject({ success: true });
    for (const event of progress)
      expect(ProgressSchema.safeParse(JSON.parse(JSON.stringify(event)))).toMatchObject({ success: true });
  });
});
