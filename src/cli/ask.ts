import { multiselect, type Option, select, type TextOptions, text } from '@clack/prompts';
import { wordsFor } from '../domain/compensation.ts';
import type { PendingDecision } from '../domain/decision.ts';
import { isRecord, type JsonObject } from '../domain/json.ts';
import { shareExample } from '../domain/page-review.ts';
import { possibleScopes } from '../domain/standing.ts';
import { asksProof } from '../domain/votes.ts';
import { prompt } from './prompt.ts';
import type { Said } from './sending.ts';
import { editable, oneLine } from './text.ts';

/** What a person at the terminal chose. `later` leaves the question open, `stop` too; `quit` is Ctrl-C or Ctrl-D. */
export type Choice = { readonly choice: 'said'; readonly said: Said } | { readonly choice: 'later' | 'stop' | 'quit' };

/** How it is asked. */
export type Asking = {
  /** Takes the question back: it was decided elsewhere. */
  readonly signal: AbortSignal;
  /** Whether decisions are signed here. */
  readonly canSign: boolean;
  /** Words for leaving the question open. */
  readonly later: string;
  /** Whether there is a way out beside Ctrl-C. */
  readonly canStop?: boolean;
};

type Action =
  | 'answer'
  | 'approve'
  | 'guide'
  | 'values'
  | 'tool'
  | 'allow'
  | 'returned'
  | 'deny'
  | 'edit'
  | 'later'
  | 'stop';

const QUIT: Choice = { choice: 'quit' };

const approve = (fields: Omit<Said, 'name'> = {}): Choice => ({ choice: 'said', said: { name: 'approve', ...fields } });

type Offered = Option<Action> & { readonly if: boolean };

const offer = (offered: readonly Offered[]): Option<Action>[] =>
  offered.filter((each) => each.if).map(({ value, label = '' }) => ({ value, label }));

/** Whether the task may go on, not what becomes of a call or an answer. */
const isAboutTask = ({ kind, reasons }: PendingDecision): boolean =>
  kind === 'review' && reasons[0]?.code !== 'final_output';

/** What a yes may be, in the words of the question: “Approve” would be read as leave to do it once more. */
const yesActions = (pending: PendingDecision): readonly Offered[] => {
  const { kind, tool, may } = pending;
  const { yes } = wordsFor(pending);
  const scopes = possibleScopes(pending);
  const name = oneLine(tool, 40);
  return [
    { if: true, value: 'approve', label: yes },
    {
      if: scopes.includes('values'),
      value: 'values',
      label: `Approve, and further calls of ${name} with the same values`,
    },
    {
      if: scopes.includes('tool'),
      value: 'tool',
      label: `Approve, and every further call of ${name} in this task`,
    },
    { if: isAboutTask(pending), value: 'guide', label: `${yes}, with words for the agent` },
    {
      if: isAboutTask(pending) && may.includes('edit') && shareExample(pending.share) !== undefined,
      value: 'allow',
      label: 'Allow another share',
    },
    { if: kind === 'effect', value: 'returned', label: 'It happened, and I know what it returned' },
  ];
};

const decidingActions = (pending: PendingDecision): readonly Offered[] => {
  const { may, kind, args } = pending;
  const forAgent = kind === 'approval' || kind === 'answer' ? ' for the agent' : '';
  return [
    { if: may.includes('answer'), value: 'answer', label: 'Answer' },
    ...(may.includes('approve') ? yesActions(pending) : []),
    { if: may.includes('deny'), value: 'deny', label: `${wordsFor(pending).no}, with a reason${forAgent}` },
    {
      // Arguments that were too long for the list stand there cut, as text; those cannot be edited here.
      if: may.includes('edit') && isRecord(args) && !isAboutTask(pending),
      value: 'edit',
      label: 'Edit the arguments, then approve',
    },
  ];
};

const actionsOf = (pending: PendingDecision, { canSign, later, canStop = false }: Asking): Option<Action>[] =>
  offer([
    // INVARIANT A3: what would be refused is not offered.
    ...(canSign || !asksProof(pending.who) ? decidingActions(pending) : []),
    { if: true, value: 'later', label: later },
    { if: canStop, value: 'stop', label: 'Stop here' },
  ]);

/** Whoever is told why. */
const whyNot = (pending: PendingDecision): string => {
  const { kind } = pending;
  if (kind === 'effect') return 'How do you know?';
  const isForAgent = kind === 'approval' || kind === 'answer' || (kind === 'review' && !isAboutTask(pending));
  return isForAgent ? 'Why not? The agent reads it.' : 'Why? It is recorded.';
};

const parseArgs = (given: string | undefined): JsonObject | undefined => {
  try {
    const value: unknown = JSON.parse(given ?? '');
    return isRecord(value) ? (value as JsonObject) : undefined;
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

  async #words(name: Said['name'], message: string): Promise<Choice> {
    const given = await this.#text({
      message,
      validate: (value) => ((value ?? '').trim() === '' ? 'It needs some words' : undefined),
    });
    return given === undefined ? QUIT : { choice: 'said', said: { name, text: given } };
  }

  async #object(message: string, of: unknown): Promise<Choice> {
    const edited = await this.#text({
      message,
      initialValue: editable(of),
      validate: (value) => (parseArgs(value) === undefined ? 'Expected a JSON object' : undefined),
    });
    return edited === undefined ? QUIT : approve({ args: parseArgs(edited) });
  }

  /** Which values a further call has to share: of one argument there is nothing to choose. */
  async #values(args: unknown): Promise<Choice> {
    const keys = isRecord(args) ? Object.keys(args) : [];
    if (keys.length < 2 || keys.length > 20) return approve({ scope: 'values' });
    const pointers = keys.map((key) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`);
    const same = await prompt(
      async (signal) =>
        await multiselect({
          message: 'Which values have to be the same? (space chooses)',
          options: pointers.map((value) => ({ value, label: oneLine(value, 80) })),
          initialValues: pointers,
          required: true,
          signal,
          output: process.stderr,
        }),
      this.#withdrawn,
    );
    if (same === undefined) return QUIT;
    return approve({ scope: 'values', ...(same.length === pointers.length ? {} : { same }) });
  }

  async choose(pending: PendingDecision, asking: Asking): Promise<Choice> {
    const options = actionsOf(pending, asking);
    const chosen = await prompt(
      async (signal) => await select({ message: 'Your decision', options, signal, output: process.stderr }),
      this.#withdrawn,
    );
    const { args, share } = pending;
    const ways: Record<Action, () => Choice | Promise<Choice>> = {
      approve: () => approve(),
      tool: () => approve({ scope: 'tool' }),
      values: async () => await this.#values(args),
      guide: async () => await this.#words('approve', 'Words for the agent'),
      allow: async () => await this.#object('What is allowed further, as JSON', shareExample(share)?.['args'] ?? {}),
      returned: async () => await this.#object('What it returned, as JSON', {}),
      edit: async () => await this.#object('The arguments, as JSON', args),
      deny: async () => await this.#words('deny', whyNot(pending)),
      answer: async () => await this.#words('answer', 'Your answer'),
      later: () => ({ choice: 'later' }),
      stop: () => ({ choice: 'stop' }),
    };
    return chosen === undefined ? QUIT : await ways[chosen]();
  }
}

/**
 * Asks the person at the terminal for a decision.
 * @returns a choice that has no meaning when the question was taken back
 */
export const askDecision = async (pending: PendingDecision, asking: Asking): Promise<Choice> =>
  await new Asker(asking.signal).choose(pending, asking);
