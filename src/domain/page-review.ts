import type { PendingDecision } from './decision.ts';
import { isRecord, type JsonObject } from './json.ts';
import { block, fitsBlock, pretty } from './markdown.ts';
import { durationText } from './page-time.ts';

const count = (amount: number): string => `${Number(amount.toFixed(4))}`;

const UNITS: Readonly<Record<string, (amount: number) => string>> = {
  costUsd: (amount) => `${count(amount)} USD`,
  steps: (amount) => `${count(amount)} steps`,
  toolCalls: (amount) => `${count(amount)} tool calls`,
  tokens: (amount) => `${count(amount)} tokens`,
  durationMs: durationText,
  invalidProposals: (amount) => `${count(amount)} attempts`,
};

/** What a plain yes allows further: `0.5 USD and 10 steps`. */
export const shareWords = (share: Readonly<Record<string, number>>): string =>
  Object.entries(share)
    .flatMap(([limit, amount]) => (Object.hasOwn(UNITS, limit) ? [UNITS[limit]?.(amount) ?? ''] : []))
    .join(' and ');

/**
 * An input that allows another share, to be changed: what a plain yes allows, or else something of everything. Undefined where
 * only attempts are left to allow: they cannot be named, and more of something else would not let it go on.
 */
export const shareExample = (share?: Readonly<Record<string, number>>): JsonObject | undefined => {
  const named = Object.entries(share ?? {}).filter(
    ([limit]) => Object.hasOwn(UNITS, limit) && limit !== 'invalidProposals',
  );
  if (share !== undefined && named.length === 0) return undefined;
  const args =
    named.length === 0
      ? { costUsd: 1, steps: 10, duration: '30m' }
      : Object.fromEntries(
          named.map(([limit, amount]) =>
            limit === 'durationMs' ? ['duration', durationText(amount)] : [limit, Number(count(amount))],
          ),
        );
  return { args, note: 'words for the agent' };
};

const ENDS = 'and what it did is undone, unless it was started to keep it.';
const STEERS = 'Words for the agent, if it is to do otherwise: `{"note":"…"}`.';
const DID = 'What it did so far: below, under **Task**; step by step: tab **Queries**, query `trace`.';

/** What each answer leads to, by the first reason for which it is asked. */
const LEADS_TO: Readonly<Record<string, string>> = {
  review_point: `If it goes on, it is asked again only at a limit. ${STEERS} If not, the task ends as \`rejected\`, ${ENDS} ${DID}`,
  limit: `If more is allowed, it goes on from where it is. ${STEERS} If not, the task ends as \`limit\`, ${ENDS} ${DID}`,
  loop: `If it goes on, it makes its next step. ${STEERS} If not, the task ends as \`rejected\`, ${ENDS} ${DID}`,
};

const OUTPUT_LEADS_TO =
  'If it is accepted, the task is completed with it. If not, the agent is told the reason, and answers again: say what is wrong.';

const isAboutTask = ({ reasons }: PendingDecision): boolean => Object.hasOwn(LEADS_TO, reasons[0]?.code ?? '');

/** What each answer to a review leads to. */
export const leadsTo = (pending: PendingDecision): string =>
  isAboutTask(pending) ? (LEADS_TO[pending.reasons[0]?.code ?? ''] ?? '') : OUTPUT_LEADS_TO;

/** What happens to a review that nobody decides, where its rule says that it is denied. */
export const reviewExpired = (pending: PendingDecision): string =>
  isAboutTask(pending) ? 'the task ends' : 'the task ends without it';

/** The result that is reviewed, whole like arguments are; of a question about the task itself, nothing. */
export const reviewedOutput = (pending: PendingDecision, maxBytes: number): string => {
  if (isAboutTask(pending)) return '';
  const { output, args } = pending;
  const text = pretty(output ?? (isRecord(args) ? args['output'] : args));
  const cut = fitsBlock(text, maxBytes)
    ? ''
    : '**Only a part of the result fits here.** All of it: tab **Queries**, query `pending`. Do not accept a part.\n\n';
  return `${cut}**The result**\n\n${block(text, maxBytes)}`;
};
