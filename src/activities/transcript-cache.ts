import { ApplicationFailure } from '@temporalio/common';
import { LRUCache } from 'lru-cache';

import { Transcript, type TranscriptItem, type TranscriptVersion } from '../domain/transcript.ts';
import type { TranscriptSource } from './ports.ts';

/** Bytes of transcripts that a worker keeps. A miss costs a query, never correctness. */
const CACHE_BYTES = 64 * 1024 * 1024;

/** A wanted transcript: what the last answer ended, what came since, and the digest of the whole. */
export type Wanted = {
  readonly base: TranscriptVersion;
  readonly appended: readonly TranscriptItem[];
  readonly at: TranscriptVersion;
};

/** Transcripts on this worker, by task and epoch. */
export type TranscriptCache = {
  readonly load: (key: string, wanted: Wanted, source: TranscriptSource) => Promise<Transcript>;
  readonly keep: (key: string, transcript: Transcript) => void;
};

/** Fetches what a copy lacks, page by page, by exact versions (INVARIANT H3). */
const complete = async (copy: Transcript, to: number, source: TranscriptSource): Promise<void> => {
  let from = copy.at.version;
  while (from < to) {
    const { items } = await source.page({ from, to });
    if (items.length === 0) return;
    copy.append(...items);
    from += items.length;
  }
};

/**
 * A worker's copies of transcripts. A copy counts only as far as its digest is the one the workflow accepted: an answer
 * that was lost on its way back leaves other items here, and they are dropped.
 */
export const createTranscriptCache = (): TranscriptCache => {
  const copies = new LRUCache<string, Transcript>({
    maxSize: CACHE_BYTES,
    sizeCalculation: ({ size }) => Math.max(1, size),
  });

  /** Takes the copy out: an attempt that was given up may still run beside its retry, and two may not share one. */
  const take = async (key: string, base: TranscriptVersion, source: TranscriptSource) => {
    const copy = copies.get(key);
    if (copy === undefined) return undefined;
    copies.delete(key);
    if (!copy.holds(base)) {
      if (copy.at.version >= base.version) return undefined;
      await complete(copy, base.version, source);
    }
    if (!copy.holds(base)) return undefined;
    copy.truncate(base.version);
    return copy;
  };

  return {
    load: async (key, { base, appended, at }, source) => {
      let transcript = await take(key, base, source);
      if (transcript === undefined) {
        transcript = new Transcript();
        await complete(transcript, base.version, source);
      }
      transcript.append(...appended);
      if (transcript.at.version === at.version && transcript.holds(at)) return transcript;
      // INVARIANT H3: a digest that does not match twice fails typed; it does not loop.
      throw ApplicationFailure.nonRetryable(
        `the transcript at version ${at.version} does not have the digest ${at.digest} that the workflow recorded.`,
        'Transcript.DigestMismatch',
      );
    },
    keep: (key, transcript) => {
      copies.set(key, transcript);
    },
  };
};
