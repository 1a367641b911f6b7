import type { Compensation } from './compensation.ts';
import type { PendingDecision } from './decision.ts';
import type { JsonObject } from './json.ts';
import type { Limits } from './limits.ts';
import { span } from './markdown.ts';
import type { SectionContext } from './page-about.ts';
import { DIALOG } from './page-how.ts';
import { decisionSection } from './page-section.ts';
import { costOf, taskSection } from './page-state.ts';
import { hasArgsTable } from './page-table.ts';
import type { TaskEvent } from './record.ts';
import type { Standing } from './standing.ts';
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
  /** Yeses that reach further than one call. */
  readonly standing?: readonly Standing[];
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

const NOTICES = 2;

/** Signals ignored since the last decision, above everything else: who sent one comes back to look. */
const notices = ({ events, status }: PageView): string => {
  const since = events.slice(events.findLastIndex(({ type }) => type === 'decision') + 1);
  const all = isEnded(status) ? [] : since.filter(({ type }) => type === 'ignored');
  const ignored = all.slice(-NOTICES);
  const lines = ignored.toReversed().map(({ at, detail }) => {
    const { message, reason } = detail as { message: string; reason: string };
    return `- ${at.slice(11, 19)} ignored: ${span(message, 60)}: ${span(reason, 300)}`;
  });
  return lines.length === 0
    ? ''
    : `**Signals that changed nothing** (UTC, last first${all.length > ignored.length ? `; ${ignored.length} of ${all.length}` : ''})\n\n${lines.join('\n')}`;
};

/** What stands before the sections when there are several. */
const several = (count: number, shown: number): string => {
  const rest = count > shown ? ` The first ${shown} stand here; all of them: tab **Queries**, query \`pending\`.` : '';
  return count < 2
    ? ''
    : `**${count} decisions wait.** Each is decided by its own name; a plain \`approve\` is refused.${rest}`;
};

/** What stands above decisions of a task that is paused: a decision alone does not let it go on. */
const pausedToo = ({ status, pending }: PageView): string =>
  status === 'paused' && pending.length > 0
    ? '**The task is paused, too**: what is decided runs only after the signal `resume` (no input needed).'
    : '';

const contextOf = (view: PageView, { kind, callId }: PendingDecision, hasTable: boolean): SectionContext => ({
  hasTable,
  isEnded: view.end !== undefined,
  cost: costOf(view),
  key:
    kind === 'effect' || kind === 'compensation' ? view.effects.find((each) => each.callId === callId)?.key : undefined,
});

type Size = { readonly sections: number; readonly maxBytes: number; readonly hasTable: boolean };

/** The parts of a page, from above. */
function* partsOf(view: PageView, { sections, maxBytes, hasTable }: Size): Generator<string> {
  const { pending, status } = view;
  yield notices(view);
  yield pausedToo(view);
  yield pending.length === 0 ? quiet(status) : several(pending.length, Math.min(sections, pending.length));
  for (const each of pending.slice(0, sections)) {
    yield decisionSection(each, contextOf(view, each, hasTable), maxBytes);
  }
  yield maxBytes === 0 || pending.length === 0 ? '' : DIALOG;
  yield maxBytes === 0 ? '' : taskSection(view, maxBytes);
  // The UI cuts the end of the page off: what stands last must not matter.
  yield '---\n\n&#160;';
}

/** The page in one size, and whether it fits. Gives up as soon as that is plain: the workflow's thread draws it. */
const draw = (view: PageView, size: Size): { readonly page: string; readonly fits: boolean } => {
  let page = '';
  for (const part of partsOf(view, size)) {
    if (part !== '') page += `${page === '' ? '' : '\n\n'}${part}`;
    if (page.length > URL_BYTES) return { page, fits: false };
  }
  const shown = page.toWellFormed();
  return { page: shown, fits: encodeURIComponent(shown).length <= URL_BYTES };
};

/**
 * From what a page usually has room for to what always fits. Of many decisions fewer are shown before they are shown in part:
 * nobody may approve a part. The last one shows only what decides.
 */
const SIZES = [
  { sections: 10, maxBytes: 8_000 },
  { sections: 10, maxBytes: 4_000 },
  { sections: 10, maxBytes: 2_000 },
  { sections: 5, maxBytes: 2_000 },
  { sections: 10, maxBytes: 1_000 },
  { sections: 3, maxBytes: 2_000 },
  { sections: 3, maxBytes: 1_000 },
  { sections: 1, maxBytes: 4_000 },
  { sections: 1, maxBytes: 2_000 },
  { sections: 1, maxBytes: 1_000 },
  { sections: 1, maxBytes: 300 },
  { sections: 1, maxBytes: 0 },
] as const;

/** The UI sends the page to its renderer in a URL, and common servers refuse request lines over 16 KB: a blank page. */
const URL_BYTES = 14_000;

/** What decides always fits: names are bounded. This stands here in case somebody unbounds them. */
const TOO_LARGE = 'What waits does not fit here: tab **Queries**, query `pending`.';

/** The page that a reviewer reads in the Temporal UI, as Markdown: what can be done now, then the state (INVARIANT T4). */
export const renderPage = (view: PageView): string => {
  for (const size of SIZES) {
    const { page, fits } = draw(view, { ...size, hasTable: true });
    if (fits) return page;
    // A table takes more room than a block; nothing may be cut only because of that.
    const plain = hasArgsTable(page) ? draw(view, { ...size, hasTable: false }) : undefined;
    if (plain?.fits === true) return plain.page;
  }
  return TOO_LARGE;
};
