import { wordsFor } from './compensation.ts';
import type { PendingDecision } from './decision.ts';
import { isRecord, utf8Bytes } from './json.ts';
import { fenced, paste, span } from './markdown.ts';
import { shareExample, shareWords } from './page-review.ts';
import { possibleScopes } from './standing.ts';
import { asksProof } from './votes.ts';

/** The signal by which something is decided, as the UI lists it. */
export const signal = (name: string, { id }: Pick<PendingDecision, 'id'>): string =>
  `\`${name} ${id.replace('-', ' ')}\``;

const CLAIMED = {
  approve: 'no input, or `{"note":"…","by":"…"}`',
  deny: 'no input, or `{"reason":"…","by":"…"}`',
  answer: 'input `{"text":"…","by":"your name"}`',
} as const;

type Way = { readonly name: keyof typeof CLAIMED; readonly label: string; readonly input: string };

/** What else than nothing a yes may carry. */
const yesInput = ({ kind, share }: PendingDecision): string => {
  if (kind === 'effect') return 'no input, or what it returned: see below';
  return share === undefined
    ? CLAIMED.approve
    : `no input: allows ${shareWords(share)} more${shareExample(share) === undefined ? '' : '; or another share: see below'}`;
};

const waysOf = (pending: PendingDecision): readonly Way[] => {
  const { yes, no } = wordsFor(pending);
  const all: readonly Way[] = [
    { name: 'answer', label: 'Answer', input: CLAIMED.answer },
    { name: 'approve', label: yes, input: yesInput(pending) },
    { name: 'deny', label: no, input: CLAIMED.deny },
  ];
  return all.filter(({ name }) => pending.may.includes(name));
};

const canEdit = ({ may, kind }: PendingDecision): boolean => may.includes('edit') && kind === 'approval';

const editLine = (pending: PendingDecision): string =>
  canEdit(pending) ? '- **Change the arguments**: see the end of this section' : '';

const MENU = '**More Actions → Send a Signal**';

/** What is worth knowing of the dialog, but not above what is decided. */
export const DIALOG =
  'If the dialog stays after **Submit**, press it again. **Send an Update** takes the same, and tells of mistakes at once; after a signal, press **R** and read here whether it counted.';

/** The command that signs a decision. INVARIANT T4: nothing that somebody named is pasted into a shell unless it is plain. */
const signCommand = ({ taskId, id }: PendingDecision, rest: string): string => {
  const task = /^\w[\w./:@+-]{0,200}$/.test(taskId) ? taskId : 'TASK';
  return `holdfast sign ${task} ${id} ${rest} --key FILE`;
};

/** INVARIANT A3: where somebody has to be somebody, a plain signal is refused; the page says so before anybody tries. */
const signedWay = (pending: PendingDecision): string => {
  const ways = waysOf(pending);
  const [first = 'approve', ...others] = ways.map(({ name }) => name);
  const or = others.map((name) => ` (or \`${name}\` in place of \`${first}\`)`).join('');
  const command = signCommand(pending, first);
  const task = command.includes(' TASK ') ? ' `TASK` is the ID of this workflow.' : '';
  return [
    `**It has to be signed: a plain signal does not count.** On the command line, with your key as \`FILE\`${or}:${task}`,
    fenced(command),
    `Copy the JSON that it prints; then ${MENU}, choose, paste it as the input, **Submit**:`,
    ways.map(({ name, label }) => `- **${label}**: ${signal(name, pending)}, signed as \`${name}\``).join('\n'),
  ].join('\n\n');
};

/** What to do, first: everything that decides stands above what explains. */
export const instruction = (pending: PendingDecision): string => {
  if (asksProof(pending.who)) return [signedWay(pending), editLine(pending)].filter((each) => each !== '').join('\n');
  const lines = waysOf(pending).map(({ name, label, input }) => `- **${label}**: ${signal(name, pending)}, ${input}`);
  const all = [...lines, editLine(pending)].filter((line) => line !== '');
  return `${MENU}, choose, **Submit**:\n\n${all.join('\n')}`;
};

/** The input that approves changed arguments, to paste; when they are short, with those of now. Indented as the UI does. */
const EDIT_BYTES = 1_200;

/** How the arguments are changed. */
export const howToEdit = (pending: PendingDecision, maxBytes: number): string => {
  const { args, who } = pending;
  if (!canEdit(pending)) return '';
  const isSigned = asksProof(who);
  const how = isSigned
    ? "**To change the arguments**, sign with `--args '{…}'`, all of them; they are checked as the agent’s were."
    : `**To change the arguments**, send ${signal('approve', pending)} with all of them as input; they are checked as the agent’s were.`;
  const input = isSigned ? args : { args, by: 'your name' };
  const into = isSigned ? '' : ', into `{"args":{…},"by":"your name"}`';
  return utf8Bytes(JSON.stringify(input, null, 2)) > Math.min(EDIT_BYTES, maxBytes)
    ? `${how} They are too long for this page: copy \`args\` from the tab **Queries**, query \`pending\`${into}.`
    : `${how} As they are now:\n\n${paste(input)}`;
};

/** An argument whose value a further call may have to share: the first short one that can be named without escapes. */
const sameExample = (args: unknown): string | undefined => {
  const entries = isRecord(args) ? Object.entries(args) : [];
  const isShort = (value: unknown) => JSON.stringify(value ?? null).length <= 80 && !isRecord(value);
  return entries.length < 2
    ? undefined
    : entries.find(([key, value]) => /^[\w.-]{1,40}$/.test(key) && isShort(value))?.[0];
};

/** The ways in which a yes may reach further than once, the narrowest first: what to send or to sign, and what it covers. */
const reaches = (pending: PendingDecision): readonly (readonly [input: object, option: string, covers: string])[] => {
  const scopes = possibleScopes(pending);
  const key = sameExample(pending.args);
  const same = { scope: 'values', same: [`/${key}`] };
  return [
    ...(scopes.includes('values')
      ? [
          [{ scope: 'values' }, '--scope values', 'with exactly these arguments'] as const,
          ...(key === undefined
            ? []
            : [[same, `--scope values --same /${key}`, `with the same \`${key}\`, whatever the rest is`] as const]),
        ]
      : []),
    ...(scopes.includes('tool') ? [[{ scope: 'tool' }, '--scope tool', 'whatever the arguments are'] as const] : []),
  ];
};

/** How far a yes may reach; nothing where it is for this call alone. */
export const howFar = (pending: PendingDecision): string => {
  const all = reaches(pending);
  if (all.length === 0) return '';
  const isSigned = asksProof(pending.who);
  const lines = all.map(
    ([input, option, covers]) => `- \`${isSigned ? option : JSON.stringify(input)}\`: calls ${covers}`,
  );
  const how = isSigned ? 'signed with one of these, it' : `${signal('approve', pending)} with one of these as input`;
  return `**A yes may reach further** than this call: ${how} lets more calls of ${span(pending.tool, 100)} run unasked in this task, as long as they would be asked for the same reason. It can be taken back.\n\n${lines.join('\n')}`;
};

/** How more of a limit is allowed than a plain yes does, and words for the agent sent along. */
export const howToShare = (pending: PendingDecision): string => {
  const { kind, may, share, who } = pending;
  if (kind !== 'review' || !may.includes('edit')) return '';
  const example = shareExample(share);
  if (example === undefined) return '';
  const { args, note } = example;
  const what = share === undefined ? 'more than it has' : 'another share';
  if (asksProof(who)) return `**To allow ${what}**, sign with \`--args '${JSON.stringify(args)}'\`.`;
  return `**To allow ${what}**, send ${signal('approve', pending)} with any of these as input, each on top of what there is:\n\n${paste({ args, note })}`;
};
