import type { HumanDecision } from './decision.ts';
import { canonicalJson, type Digest, digestText } from './digest.ts';
import { utf8Bytes } from './json.ts';
import type { ToolFace } from './proposal.ts';

/** Whether an outsider could have written a text. */
export type Trust = 'trusted' | 'untrusted';

/** Instructions and tools, as the model gets them; appended whenever their digest changes. */
export type SetupItem = {
  readonly kind: 'setup';
  readonly id: string;
  readonly instructions: string;
  readonly tools: readonly ToolFace[];
  /** JSON Schema of the final answer. */
  readonly output?: unknown;
  readonly digest: Digest;
};

/** What the principal wants. `input` is data beside it: untrusted unless the specification says otherwise. */
export type GoalItem = {
  readonly kind: 'goal';
  readonly id: 'goal';
  readonly text: string;
  readonly input?: unknown;
  /** JSON Schema of the final output that the task asks for. */
  readonly output?: unknown;
};

/** A tool call as the model wrote it. `arguments` is the model's own text: unparsed, byte-stable for provider caches. */
export type RawCall = {
  readonly id: string;
  readonly providerId: string;
  readonly name: string;
  readonly arguments: string;
};

/** One answer of the model. `opaque` carries the provider's reasoning items back to it, unread. */
export type ProposalItem = {
  readonly kind: 'proposal';
  readonly id: string;
  readonly text: string;
  readonly calls: readonly RawCall[];
  readonly opaque?: readonly unknown[];
};

/** How a call ended. */
export type ResultStatus = 'succeeded' | 'failed' | 'rejected' | 'unknown' | 'replayed';

/** What came of a call; the model sees it with its id and trust label. */
export type ResultItem = {
  readonly kind: 'result';
  /** The call's id, `s3.c1`. */
  readonly id: string;
  readonly tool: string;
  readonly status: ResultStatus;
  readonly output: unknown;
  readonly trust: Trust;
  readonly attempts?: number;
  readonly human?: HumanDecision;
  /** The arguments that a person put in the place of the model's: the model is told. Absent: it ran as it was proposed. */
  readonly edited?: unknown;
};

/** A result as it enters the transcript, without what only the workflow goes by. */
export const toResultItem = ({
  anchor: _,
  costUsd: _cost,
  ask: _ask,
  ...item
}: ResultItem & { readonly anchor?: unknown; readonly costUsd?: unknown; readonly ask?: unknown }): ResultItem => item;

/** A remark from outside the loop: a person's guidance, or the platform's reason to send an answer back. */
export type NoteItem = {
  readonly kind: 'note';
  readonly id: string;
  readonly from: 'human' | 'platform';
  readonly text: string;
};

/** One entry of a transcript. Items are only ever appended. */
export type TranscriptItem = SetupItem | GoalItem | ProposalItem | ResultItem | NoteItem;

/** A place in a transcript: how many items, and the digest of all of them in order. */
export type TranscriptVersion = { readonly version: number; readonly digest: Digest };

const START: Digest = digestText('holdfast transcript');

/** One page of items, and where the next one begins (absent: that was all). */
export type TranscriptPage = { readonly items: readonly TranscriptItem[]; readonly next?: number };

/**
 * An append-only list of items with a digest for each of its versions.
 * The workflow holds the truth; workers hold copies that they check by digest.
 */
export class Transcript {
  readonly #items: TranscriptItem[] = [];
  // A chain: one more item costs one item's hashing, whatever the length.
  readonly #digests: Digest[] = [START];
  #size = 0;

  constructor(items: readonly TranscriptItem[] = []) {
    this.append(...items);
  }

  get items(): readonly TranscriptItem[] {
    return this.#items;
  }

  get at(): TranscriptVersion {
    return { version: this.#items.length, digest: this.#digests.at(-1) ?? START };
  }

  append(...items: readonly TranscriptItem[]): void {
    for (const item of items) {
      const text = canonicalJson(item);
      this.#digests.push(digestText(`${this.at.digest}\n${text}`));
      this.#items.push(item);
      this.#size += text.length;
    }
  }

  /** Characters of all items ever appended, as JSON; a cheap upper bound that `truncate` does not lower. */
  get size(): number {
    return this.#size;
  }

  /** Tells whether this transcript, cut to that version, is the one meant. */
  holds({ version, digest }: TranscriptVersion): boolean {
    return this.#digests[version] === digest;
  }

  /** Forgets everything after a version. */
  truncate(version: number): void {
    this.#items.length = Math.min(version, this.#items.length);
    this.#digests.length = this.#items.length + 1;
  }

  /** Items `from` (inclusive) to `to` (exclusive), at most `maxBytes` of JSON, but at least one. INVARIANT H1. */
  page(from: number, to: number, maxBytes: number): TranscriptPage {
    const items: TranscriptItem[] = [];
    let bytes = 0;
    let at = from;
    for (; at < Math.min(to, this.#items.length); at++) {
      const item = this.#items[at];
      if (item === undefined) break;
      bytes += utf8Bytes(JSON.stringify(item));
      if (items.length > 0 && bytes > maxBytes) return { items, next: at };
      items.push(item);
    }
    return { items };
  }
}
