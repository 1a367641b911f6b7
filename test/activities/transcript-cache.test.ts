import { describe, expect, it } from 'vitest';
import { createTranscriptCache } from '../../src/activities/transcript-cache.ts';
import { Transcript, type TranscriptItem } from '../../src/domain/transcript.ts';

const makeNote = (n: number, text = `note ${n}`): TranscriptItem => ({
  kind: 'note',
  id: `n${n}`,
  from: 'human',
  text,
});

/** The workflow's side: the truth, and what it was asked for. */
const makeSource = (truth: Transcript, maxBytes = 100_000) => {
  const asked: { from: number; to: number }[] = [];
  return {
    asked,
    page: async (request: { from: number; to: number }) => {
      asked.push(request);
      return truth.page(request.from, request.to, maxBytes);
    },
  };
};

describe('a worker’s copy of a transcript', () => {
  it('is fetched once, and grows by what is appended', async () => {
    const cache = createTranscriptCache();
    const truth = new Transcript([makeNote(1), makeNote(2)]);
    const source = makeSource(truth);

    const first = await cache.load('t', { base: truth.at, appended: [], at: truth.at }, source);
    cache.keep('t', first);
    const base = truth.at;
    truth.append(makeNote(3));
    const second = await cache.load('t', { base, appended: [makeNote(3)], at: truth.at }, source);

    expect(second.items).toEqual(truth.items);
    expect(source.asked).toHaveLength(1);
  });

  it('drops an answer that the workflow never accepted', async () => {
    const cache = createTranscriptCache();
    const truth = new Transcript([makeNote(1)]);
    const base = truth.at;
    const lost = await cache.load('t', { base, appended: [], at: base }, makeSource(truth));
    lost.append(makeNote(2, 'the answer that was lost'));
    cache.keep('t', lost);

    truth.append(makeNote(2, 'the answer that arrived'));
    const source = makeSource(truth);
    const loaded = await cache.load('t', { base: truth.at, appended: [], at: truth.at }, source);

    expect(loaded.items).toEqual(truth.items);
    expect(source.asked).toEqual([{ from: 0, to: 2 }]);
  });

  it('goes back to an earlier version when its own answer did not arrive and another attempt asks', async () => {
    const cache = createTranscriptCache();
    const truth = new Transcript([makeNote(1)]);
    const copy = await cache.load('t', { base: truth.at, appended: [], at: truth.at }, makeSource(truth));
    copy.append(makeNote(2, 'lost'));
    cache.keep('t', copy);
    const source = makeSource(truth);

    const again = await cache.load('t', { base: truth.at, appended: [], at: truth.at }, source);

    expect(again.items).toEqual([makeNote(1)]);
    expect(source.asked).toEqual([]);
  });

  it('fetches only what it lacks, page by page', async () => {
    const cache = createTranscriptCache();
    const truth = new Transcript([makeNote(1)]);
    cache.keep('t', await cache.load('t', { base: truth.at, appended: [], at: truth.at }, makeSource(truth)));
    truth.append(makeNote(2), makeNote(3), makeNote(4));
    const source = makeSource(truth, 60);

    const loaded = await cache.load('t', { base: truth.at, appended: [], at: truth.at }, source);

    expect(loaded.items).toEqual(truth.items);
    expect(source.asked.map(({ from }) => from)).toEqual([1, 2, 3]);
  });

  it('is not shared by an attempt that was given up and its retry', async () => {
    const cache = createTranscriptCache();
    const truth = new Transcript([makeNote(1)]);
    const wanted = { base: truth.at, appended: [], at: truth.at };
    cache.keep('t', await cache.load('t', wanted, makeSource(truth)));

    const zombie = await cache.load('t', wanted, makeSource(truth));
    const retry = await cache.load('t', wanted, makeSource(truth));
    zombie.append(makeNote(9));

    expect(retry.items).toEqual(truth.items);
  });

  it('INVARIANT H3: a digest that does not match fails typed, after one fetch of the whole', async () => {
    const cache = createTranscriptCache();
    const source = makeSource(new Transcript([makeNote(1, 'something else')]));
    const { at } = new Transcript([makeNote(1)]);

    await expect(cache.load('t', { base: at, appended: [], at }, source)).rejects.toMatchObject({
      type: 'Transcript.DigestMismatch',
      nonRetryable: true,
    });
    expect(source.asked).toHaveLength(1);
  });
});
