import type { Prompt } from '../activities/ports.ts';
import { assertNever } from '../domain/assert-never.ts';
import { digestText, shortDigest } from '../domain/digest.ts';
import { isRecord } from '../domain/json.ts';
import type { GoalItem, NoteItem, ProposalItem, RawCall, ResultItem } from '../domain/transcript.ts';
import { PLATFORM_APPENDIX } from './appendix.ts';

/** A call as it goes back to the provider: with an id and a name that it accepts, and arguments that are JSON. */
type RenderedCall = { readonly id: string; readonly name: string; readonly arguments: string };

/** One entry of a prompt, before an API gives it its form. */
export type RenderedTurn =
  | { readonly kind: 'user'; readonly text: string }
  | {
      readonly kind: 'answer';
      readonly text: string;
      readonly calls: readonly RenderedCall[];
      readonly opaque: readonly unknown[];
    }
  | { readonly kind: 'output'; readonly callId: string; readonly text: string };

/** A prompt that both APIs can take: every call of an answer has exactly one output, directly after the answer. */
export type RenderedPrompt = { readonly instructions: string; readonly turns: readonly RenderedTurn[] };

/** OpenAI refuses longer ids of calls (Chat Completions: 40) and longer names (64). */
const MAX_CALL_ID = 40;
const MAX_NAME = 64;

/** Providers refuse lone surrogates, and one such text would then end every later request of the task. */
const wellFormed = (text: string): string => text.toWellFormed();

/**
 * Puts data between two marks that the data cannot contain: both carry a digest of the content.
 * @param heading what stands in the opening mark beside the id, such as `untrusted succeeded`
 */
export const fence = (id: string, heading: string, content: unknown): string => {
  const text = wellFormed(typeof content === 'string' ? content : (JSON.stringify(content) ?? ''));
  let mark = shortDigest(digestText(id + text), 8);
  // 32 bits can be searched for offline: a text that holds its own digest gets another one.
  while (text.includes(`#${mark}`)) mark = shortDigest(digestText(mark + id + text), 8);
  return `[${id} ${heading} #${mark}]\n${text}\n[/${id} #${mark}]`;
};

const goalText = (goal: GoalItem): string =>
  goal.input === undefined
    ? wellFormed(goal.text)
    : `${wellFormed(goal.text)}\n\n${fence('input', 'untrusted', goal.input)}`;

const noteText = (note: NoteItem): string =>
  `[${note.id} from ${note.from === 'human' ? 'human' : 'the platform'}] ${wellFormed(note.text)}`;

/** Remembers what was made of an item: a prompt holds all earlier ones, and would make them anew at every step. */
const once = <Item extends object, Made>(make: (item: Item) => Made): ((item: Item) => Made) => {
  const known = new WeakMap<Item, { readonly made: Made }>();
  return (item) => {
    const found = known.get(item) ?? { made: make(item) };
    known.set(item, found);
    return found.made;
  };
};

/** What ran is not what the model wrote: it must not go on as if it were. JSON on one line cannot look like a mark. */
const editedText = ({ id, status, edited }: ResultItem): string => {
  if (edited === undefined) return '';
  const so = status === 'rejected' ? 'It did not run with' : 'It ran with';
  return `[${id} from human] A person changed the arguments of this call. ${so}: ${wellFormed(JSON.stringify(edited))}\n`;
};

const resultText = once(
  (result: ResultItem) => editedText(result) + fence(result.id, `${result.trust} ${result.status}`, result.output),
);

const isJsonObject = (text: string): boolean => {
  try {
    return isRecord(JSON.parse(text));
  } catch {
    return false;
  }
};

/** Gives out ids of calls that are unique in the prompt; deterministic, so that earlier ones never change. */
const createCallIds = (): ((call: RawCall) => string) => {
  const used = new Set<string>();
  return ({ providerId, id }) => {
    let unique = providerId === '' || providerId.length > MAX_CALL_ID ? id : providerId;
    for (let n = 1; used.has(unique); n++) unique = n === 1 ? id : `${id}.${n}`;
    used.add(unique);
    return unique;
  };
};

const argumentsText = once((call: RawCall) => (isJsonObject(call.arguments) ? call.arguments : '{}'));

const renderCall = (call: RawCall, id: string): RenderedCall => ({
  id,
  // A model may invent any name; the provider would refuse to hear it again.
  name: call.name.replaceAll(/[^\w-]/g, '_').slice(0, MAX_NAME) || 'unnamed',
  arguments: argumentsText(call),
});

type Item = Prompt['items'][number];

/** The results of a proposal's calls, which stand before the next proposal: a later one would change what was already sent. */
const resultsAfter = (items: readonly Item[], at: number): Map<string, ResultItem> => {
  const results = new Map<string, ResultItem>();
  for (let next = at + 1; next < items.length; next++) {
    const item = items[next];
    if (item === undefined || item.kind === 'proposal') break;
    if (item.kind === 'result' && !results.has(item.id)) results.set(item.id, item);
  }
  return results;
};

const renderProposal = (
  proposal: ProposalItem,
  results: ReadonlyMap<string, ResultItem>,
  idOf: (call: RawCall) => string,
): { turns: RenderedTurn[]; used: ResultItem[] } => {
  const used: ResultItem[] = [];
  const outputs: RenderedTurn[] = [];
  const calls = proposal.calls.map((call) => {
    const rendered = renderCall(call, idOf(call));
    const result = results.get(call.id);
    if (result !== undefined) used.push(result);
    const text = result === undefined ? `[${call.id} not run]` : resultText(result);
    outputs.push({ kind: 'output', callId: rendered.id, text });
    return rendered;
  });
  // Left out, an empty answer would join the user's texts around it, which some chat templates refuse.
  const text = proposal.text.trim() === '' && calls.length === 0 ? '[empty answer]' : wellFormed(proposal.text);
  return { turns: [{ kind: 'answer', text, calls, opaque: proposal.opaque ?? [] }, ...outputs], used };
};

/** Renders a prompt in the form that both APIs share. More items only ever append to what fewer items gave. */
export const renderPrompt = ({ setup, items, format }: Prompt): RenderedPrompt => {
  const turns: RenderedTurn[] = [];
  const idOf = createCallIds();
  const placed = new Set<ResultItem>();
  for (const [at, item] of items.entries()) {
    switch (item.kind) {
      case 'goal':
        turns.push({ kind: 'user', text: goalText(item) });
        break;
      case 'note':
        turns.push({ kind: 'user', text: noteText(item) });
        break;
      case 'proposal': {
        const rendered = renderProposal(item, resultsAfter(items, at), idOf);
        turns.push(...rendered.turns);
        for (const result of rendered.used) placed.add(result);
        break;
      }
      case 'result':
        // Late or second results: no call is left that they could answer, and dropping them would hide what happened.
        if (!placed.has(item)) turns.push({ kind: 'user', text: resultText(item) });
        break;
      default:
        assertNever(item);
    }
  }
  const instructions = wellFormed(setup.instructions);
  // The appendix is about steps of a task; a question of the platform's own is none.
  return { instructions: format === undefined ? `${instructions}\n\n${PLATFORM_APPENDIX}` : instructions, turns };
};
