import { isCancel, select, text } from '@clack/prompts';
import type { PendingDecision } from '../domain/decision.ts';
import { isRecord } from '../domain/json.ts';

/** What a person at the terminal chose. `later` leaves the question open; `quit` is Ctrl-C. */
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
  readonly #common: { readonly signal: AbortSignal; readonly output: NodeJS.WriteStream };

  constructor(signal: AbortSignal) {
    this.#common = { signal, output: process.stderr };
  }

  async reason(): Promise<Choice> {
    const reason = await text({
      ...this.#common,
      message: 'Why not? The agent reads it.',
      validate: (value) => ((value ?? '').trim() === '' ? 'A reason helps the agent to do better' : undefined),
    });
    return isCancel(reason) ? QUIT : { choice: 'deny', reason };
  }

  async answer(): Promise<Choice> {
    const given = await text({
      ...this.#common,
      message: 'Your answer',
      validate: (value) => ((value ?? '').trim() === '' ? 'An answer needs its text' : undefined),
    });
    return isCancel(given) ? QUIT : { choice: 'answer', text: given };
  }

  async edit(args: unknown): Promise<Choice> {
    const edited = await text({
      ...this.#common,
      message: 'The arguments, as JSON',
      initialValue: JSON.stringify(args),
      validate: (value) => (parseArgs(value) === undefined ? 'Expected a JSON object' : undefined),
    });
    if (isCancel(edited)) return QUIT;
    return { choice: 'approve', args: parseArgs(edited) ?? {} };
  }

  async choose(pending: PendingDecision): Promise<Choice> {
    // Arguments that were too long for the memo stand there cut, as text; those cannot be edited here.
    const canEdit = isRecord(pending.args);
    const possible = ACTIONS.filter(({ may }) => pending.may.includes(may) && (may !== 'edit' || canEdit));
    const options = [
      ...possible.map(({ value, label }) => ({ value, label })),
      { value: 'later' as const, label: 'Decide later; keep watching' },
    ];
    const chosen = await select({ ...this.#common, message: 'Your decision', options });
    if (isCancel(chosen)) return QUIT;
    if (chosen === 'deny') return await this.reason();
    if (chosen === 'answer') return await this.answer();
    if (chosen === 'edit') return await this.edit(pending.args);
    return { choice: chosen };
  }
}

/**
 * Asks the person at the terminal for a decision.
 * @param signal takes the question back: it was decided elsewhere. What is returned then has no meaning.
 */
export const askDecision = async (pending: PendingDecision, signal: AbortSignal): Promise<Choice> =>
  await new Asker(signal).choose(pending);
