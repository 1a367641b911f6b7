import { PassThrough } from 'node:stream';
import { confirm } from '@clack/prompts';
import { describe, expect, it } from 'vitest';
import { prompt } from '../../src/cli/prompt.ts';

/** A prompt on streams of its own, so that only what `prompt` adds can cancel it. */
const asked = async (signal?: AbortSignal) =>
  await prompt(
    async (ended) =>
      await confirm({ message: 'Undo all of it?', input: new PassThrough(), output: new PassThrough(), signal: ended }),
    signal,
  );

describe('a question at the terminal', () => {
  it('is given up on Ctrl-D, which closes the line editor without a word', async () => {
    const answer = asked();
    process.stdin.emit('keypress', '\u0004', { ctrl: true, name: 'd' });

    await expect(answer).resolves.toBeUndefined();
  });

  it('is given up when the input ends', async () => {
    const answer = asked();
    process.stdin.emit('end');

    await expect(answer).resolves.toBeUndefined();
  });

  it('is given up when it is taken back', async () => {
    const withdrawn = new AbortController();
    const answer = asked(withdrawn.signal);
    withdrawn.abort();

    await expect(answer).resolves.toBeUndefined();
  });

  it('leaves no listener behind', async () => {
    const before = process.stdin.listenerCount('keypress');
    await prompt(async () => await Promise.resolve('yes'));

    expect(process.stdin.listenerCount('keypress')).toBe(before);
  });
});
