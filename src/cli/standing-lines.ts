import type { TracedStanding } from '../domain/record.ts';
import type { Paint } from './terminal.ts';
import { oneLine, shellWord } from './text.ts';

const SCOPES: Record<TracedStanding['scope'], string> = {
  values: 'calls with the same values',
  tool: 'every call',
};

/** Yeses that reach further than one call, and how to take them back while the task runs. */
export const standingLines = (
  standing: readonly TracedStanding[],
  { taskId, paint, isOpen }: { readonly taskId: string; readonly paint: Paint; readonly isOpen: boolean },
): string[] => {
  if (standing.length === 0) return [];
  return [
    paint.bold('approved for further calls'),
    ...standing.map(({ id, tool, scope, by, verified, uses }) => {
      const who = by === undefined ? '' : `, by ${oneLine(by, 100)}${verified ? '' : ' (unverified)'}`;
      const used = uses === 0 ? 'not used yet' : `used ${uses === 1 ? 'once' : `${uses} times`}`;
      const revoke = isOpen ? `  ${paint.cyan(`holdfast revoke ${shellWord(taskId)} ${shellWord(id)}`)}` : '';
      return `  ${oneLine(id, 40)}  ${oneLine(tool, 60)}: ${SCOPES[scope]}${who}; ${used}${revoke}`;
    }),
    '',
  ];
};
