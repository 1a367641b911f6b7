import type { Prompt } from '../activities/ports.ts';
import type { Parsed } from './answer.ts';
import type { OutputFormat } from './format.ts';
import type { RenderedPrompt } from './render.ts';

/** What a request is made from. */
export type RequestFacts = {
  readonly model: string;
  readonly rendered: RenderedPrompt;
  readonly setup: Pick<Prompt['setup'], 'tools'>;
  /** What the answer's text has to be, if anything. */
  readonly format: OutputFormat | undefined;
  readonly maxOutputTokens: number;
  readonly isOpenAi: boolean;
};

/** One of the two APIs: where a request goes, what is in it, and how an answer is read. */
export type Dialect = {
  readonly path: string;
  readonly build: (facts: RequestFacts) => Record<string, unknown>;
  /** Never throws: a server sends anything. */
  readonly parse: (body: Record<string, unknown>) => Parsed;
};
