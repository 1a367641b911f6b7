import type { Compensation } from './compensation.ts';
import type { PendingDecision } from './decision.ts';
import type { JsonObject } from './json.ts';
import type { Limits } from './limits.ts';
import { span } from './markdown.ts';
import { decisionSection, type SectionContext } from './page-section.ts';
import { taskSection } from './page-state.ts';
import type { TaskEvent } from './record.ts';
import type { DeniedRecord, EffectRecord, OutcomeStatus, TaskStatus, Usage } from './task.ts';

/** What the review page shows. */
export type PageView = {
  readonly taskId: string;
  readonly status: TaskStatus;
  readonly agent: string;
  readonly goal: string;
  readonly principal: string;
  readonly doing: string;
  readonly usage: Usage;
  readonly limits: Limits | undefined;
  readonly pending: readonly PendingDecision[];
  readonly effects: readonly EffectRecord[];
  readonly events: readonly TaskEvent[];
  /** The agent's plan, as it wrote it. */
  readonly plan?: JsonObject | undefined;
  /** By call id: what came of undoing it. */
  readonly compensations?: ReadonlyMap<string, Compensation>;
  /** Calls that a person refused. */
  readonly denied?: readonly DeniedRecord[];
  /** How the task ended, once it has; what it did may still be undone. */
  readonly end?: { readonly status: OutcomeStatus; readonly reason?: string; readonly output?: unknown } | undefined;
};

const isEnded = (status: TaskStatus): boolean => !['running', 'waiting', 'paused', 'compensating'].includes(status);

/** The page is drawn when something happens; what fails again and again is known to the server alone. */
const SLOW =
  'If it takes long, the tab **Pending Activities** says what it waits for, and why the last attempt failed.';

/** What the page says when nothing is asked. */
const quiet = (status: TaskStatus): string => {
  if (status === 'paused')
    return '**Paused.** To go on: **More Actions → Send a Signal**, choose `resume`, no input needed (or `{"guidance":"words for the agent"}`), **Submit**.';
  if (status === 'compensating')
    return `**The task has ended; what it did is being undone.** Nothing waits for a person. ${SLOW}`;
  return isEnded(status)
    ? `**The task has ended: ${status}.** Nothing can be decided any more.`
    : `**Nothing waits for a person.** ${SLOW}`;
};

/** Signals ignored since the last decision, above everything else: who sent one comes back to look. */
const notices = ({ events, status }: PageView): string => {
  const since = events.slice(events.findLastIndex(({ type }) => type === 'decision') + 1);
  const ignored = isEnded(status) ? [] : since.filter(({ type }) => type === 'ignored').slice(-2);
  const lines = ignored.toReversed().map(({ at, detail }) => {
    const { message, reason } = detail as { message: string; reason: string };
    return `- ${at.slice(11, 19)} ${span(message, 60)}: ${span(reason, 200)}`;
  });
  return lines.length === 0 ? '' : `**Signals that changed nothing** (UTC, last first)\n\n${lines.join('\n')}`;
};

/** What stands before the sections when there are several. */
const several = (count: number, shown: number): string => {
  const rest = count > shown ? ` The first ${shown} stand here; all of them: tab **Queries**, query \`pending\`.` : '';
  return count < 2
    ? ''
    : `**${count} decisions wait.** Each is decided by its own name; a plain \`approve\` is refused.${rest}`;
};

const contextOf = ({ effects, end }: PageView, { kind, callId }: PendingDecision): SectionContext => ({
  isEnded: end !== undefined,
  key: kind === 'effect' || kind === 'compensation' ? effects.find((each) => each.callId === callId)?.key : undefined,
});

const draw = (view: PageView, { sections, maxBytes }: (typeof SIZES)[number]): string => {
  const { pending, status } = view;
  return [
    notices(view),
    pending.length === 0 ? quiet(status) : several(pending.length, Math.min(sections, pending.length)),
    ...pending.slice(0, sections).map((each) => decisionSection(each, contextOf(view, each), maxBytes)),
    maxBytes === 0 ? '' : taskSection(view, maxBytes),
    // The UI cuts the end of the page off: what stands last must not matter.
    '---\n\n&#160;',
  ]
    .filter((part) => part !== '')
    .join('\n\n');
};

/** From what a page usually has room for to what always fits; the last one shows only what can be done. */
const SIZES = [
  { sections: 10, maxBytes: 8_000 },
  { sections: 10, maxBytes: 4_000 },
  { sections: 10, maxBytes: 2_000 },
  { sections: 10, maxBytes: 1_000 },
  { sections: 10, maxBytes: 300 },
  { sections: 3, maxBytes: 300 },
  { sections: 1, maxBytes: 300 },
  { sections: 1, maxBytes: 0 },
] as const;

/** The UI sends the page to its renderer in a URL, and common servers refuse request lines over 16 KB: a blank page. */
const URL_BYTES = 14_000;

/** The page that a reviewer reads in the Temporal UI, as Markdown: what can be done now, then the state (INVARIANT T4). */
export const renderPage = (view: PageView): string => {
  let page = '';
  for (const size of SIZES) {
    page = draw(view, size).toWellFormed();
    if (encodeURIComponent(page).length <= URL_BYTES) break;
  }
  return page;
};
