import { wordsFor } from '../domain/compensation.ts';
import type { PendingDecision } from '../domain/decision.ts';
import { shareExample } from '../domain/page-review.ts';
import { possibleScopes } from '../domain/standing.ts';
import { asksProof } from '../domain/votes.ts';
import type { Paint } from './terminal.ts';
import { oneLine, shellWord } from './text.ts';

type Way = readonly [words: string, command: string];

/** Of some limits no other share than the offered one can be named. */
const canName = ({ kind, may, share }: PendingDecision): boolean =>
  kind === 'review' && may.includes('edit') && shareExample(share) !== undefined;

const waysOf = (pending: PendingDecision): readonly Way[] => {
  const { id, taskId, may, kind, who } = pending;
  const task = shellWord(taskId);
  const key = asksProof(who) ? ' --key FILE' : '';
  const { yes, no } = wordsFor(pending);
  const scopes = possibleScopes(pending).filter((scope) => scope !== 'once');
  const extra = `${kind === 'effect' ? " [--args 'WHAT IT RETURNED']" : ''}${canName(pending) ? ' [--allow LIMIT=AMOUNT]' : ''}${scopes.length === 0 ? '' : ` [--scope ${scopes.join('|')}]`}`;
  const ways: readonly (Way | false)[] = [
    may.includes('answer') && ['Answer', `holdfast answer ${task} 'TEXT' --id ${shellWord(id)}${key}`],
    may.includes('approve') && [yes, `holdfast approve ${task} ${shellWord(id)}${extra}${key}`],
    may.includes('deny') &&
      !may.includes('answer') && [no, `holdfast deny ${task} ${shellWord(id)} --reason 'WHY'${key}`],
  ];
  return ways.filter((way) => way !== false);
};

/** How to decide: the command, the signal, the page. */
export const decideLines = (pending: PendingDecision, paint: Paint, page: string | null): string[] => {
  const { id, may, who } = pending;
  const ways = waysOf(pending);
  const width = Math.max(0, ...ways.map(([words]) => words.length));
  const name = `${may.includes('answer') ? 'answer' : 'approve'} ${oneLine(id.replace('-', ' '), 40)}`;
  const signal = asksProof(who)
    ? `signed: the signal ${JSON.stringify(name)} with what \`holdfast sign\` prints`
    : `in any Temporal client the signal ${JSON.stringify(name)}`;
  return [
    ...ways.map(([words, command]) => `    ${`${words}:`.padEnd(width + 1)} ${paint.cyan(command)}`),
    `    ${paint.dim(`or ${signal}`)}`,
    ...(page === null ? [] : [`    ${paint.dim(`or in the UI: ${page}`)}`]),
  ];
};
