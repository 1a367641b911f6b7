import type { HumanDecision } from '../domain/decision.ts';
import { oneLine } from './text.ts';
import { voterText } from './who-text.ts';

const SCOPES: Readonly<Record<string, string>> = {
  values: ', for further calls with these values',
  tool: ', for every further call of this tool',
};

/** Who decided, and whether that is proven: `ben (unverified)`, `ana (vouched for by desk), ben (vouched for by desk)`. */
const whoDecided = ({ by, verified, votes = [] }: Omit<HumanDecision, 'args'>): string => {
  if (votes.length > 0) return votes.slice(0, 8).map(voterText).join(', ');
  if (by === undefined) return 'somebody';
  return `${oneLine(by, 100)}${verified ? '' : ' (unverified)'}`;
};

/** A decision on one line: `approved by ben (unverified): as agreed`. */
export const humanText = (human: Omit<HumanDecision, 'args'>): string => {
  const { decision, note, scope = 'once', standing } = human;
  const words = note === undefined ? '' : `: ${oneLine(note, 400)}`;
  // Its note says the same in the platform's words.
  if (decision === 'expired') return 'expired: nobody decided in time';
  const how = standing === undefined ? '' : `, not asked again: ${oneLine(standing, 40)} stands for it`;
  return `${oneLine(decision, 20)} by ${whoDecided(human)}${SCOPES[scope] ?? ''}${how}${words}`;
};
