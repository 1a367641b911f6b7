import { select, type TextOptions, text } from '@clack/prompts';
import { wordsFor } from '../domain/compensation.ts';
import type { PendingDecision } from '../domain/decision.ts';
import { isRecord } from '../domain/json.ts';
import { prompt } from './prompt.ts';

/** What a person at the terminal chose. `later` leaves the question open; `quit` is Ctrl-C or Ctrl-D. */
export type Choice =
  | { readonly choice: 'approve'; readonly args?: Record<string, unknown> }
  | { readonly choice: 'deny'; readonly reason: string }
  | { readonly choice: 'answer'; readonly text: string }
  | { readonly choice: 'later' }
  | { readonly choice: 'quit' };

const ACTIONS = [
  { may: 'answer', value: 'answer', label: 'Answer' },
  { may: 'approve', value: 'approve', label: 'Approve' },
  { may: 'deny', value: 'deny', label: 'Deny, with a reason for the agent' },
  { may: 'edit', value: 'edit', label: 'Edit the arguments, then approve' },
] as const;

/** In the words of the question: “Approve” would be read as leave to do it once more. */
const labelOf = (pending: PendingDecision, { value, label }: (typeof ACTIONS)[number]): string => {
  if (pending.kind !== 'effect' && pending.kind !== 'compensation') return label;
  const { yes, no } = wordsFor(pending);
  return value === 'approve' ? yes : value === 'deny' ? `${no}, with a reason` : label;
};

const QUIT: Choice = { choice: 'quit' };

const parseArgs = (given: string | undefined): Record<string, unknown> | undefined => {
  try {
    const value: unknown = JSON.parse(given ?? '');
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
};

/** The prompts, on stderr: stdout is for results. */
class Asker {
  readonly #withdrawn: AbortSignal;

  constructor(signal: AbortSignal) {
    this.#withdrawn = signal;
  }

  async #text(options: Pick<TextOptions, 'message' | 'initialValue' | 'validate'>): Promise<string | undefined> {
    return await prompt(async (signal) => await text({ ...options, signal, output: process.stderr }), this.#withdrawn);
  }

  async reason(): Promise<Choice> {
    const reason = await this.#text({
      message: 'Why not? The agent reads it.',
      validate: (value) => ((value ?? '').trim() === '' ? 'A reason helps the agent to do better' : undefined),
    });
    return reason === undefined ? QUIT : { choice: 'deny', reason };
  }

  async answer(): Promise<Choice> {
    const given = await this.#text({
      message: 'Your answer',
      validate: (value) => ((value ?? '').trim() === '' ? 'An answer needs its text' : undefined),
    });
    return given === undefined ? QUIT : { choice: 'answer', text: given };
  }

  async edit(args: unknown, message = 'The arguments, as JSON'): Promise<Choice> {
    const edited = await this.#text({
      message,
      initialValue: JSON.stringify(args),
      validate: (value) => (parseArgs(value) === undefined ? 'Expected a JSON object' : undefined),
    });
    if (edited === undefined) return QUIT;
    return { choice: 'approve', args: parseArgs(edited) ?? {} };
  }

  async choose(pending: PendingDecision): Promise<Choice> {
    // Arguments that were too long for the memo stand there cut, as text; those cannot be edited here.
    const canEdit = isRecord(pending.args);
    const possible = ACTIONS.filter(({ may }) => pending.may.includes(may) && (may !== 'edit' || canEdit));
    const options = [
      ...possible.map((action) => ({ value: action.value, label: labelOf(pending, action) })),
      ...(pending.kind === 'effect'
        ? [{ value: 'returned' as const, label: 'It happened, and I know what it returned' }]
        : []),
      { value: 'later' as const, label: 'Decide later; keep watching' },
    ];
    const chosen = await prompt(
      async (signal) => await select({ message: 'Your decision', options, signal, output: process.stderr }),
      this.#withdrawn,
    );
    if (chosen === undefined) return QUIT;
    if (chosen === 'deny') return await this.reason();
    if (chosen === 'answer') return await this.answer();
    if (chosen === 'edit') return await this.edit(pending.args);
    if (chosen === 'returned') return await this.edit({}, 'What it returned, as JSON');
    return { choice: chosen };
  }
}

/**
 * Asks the person at the terminal for a decision.
 * @param signal takes the question back: it was decided elsewhere. What is returned then has no meaning.
 */
export const askDecision = async (pending: PendingDecision, signal: AbortSignal): Promise<Choice> =>
  await new Asker(signal).choose(pending);
