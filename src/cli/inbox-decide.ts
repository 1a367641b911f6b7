import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentClient, PendingPage, TaskHandle } from '../client.ts';
import type { PendingDecision } from '../domain/decision.ts';
import { HoldfastError } from '../domain/failures.ts';
import { asksProof } from '../domain/votes.ts';
import { askDecision, type Choice } from './ask.ts';
import { decideLines } from './decide-lines.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { pendingLines } from './pending-lines.ts';
import { type Identity, type Said, sendDecision } from './sending.ts';
import { usageLine } from './task-lines.ts';
import { note, notePaint } from './terminal.ts';
import { oneLine, whenText } from './text.ts';
import { votesText } from './who-text.ts';
import { readWhole } from './whole.ts';

const LOOK_MS = 2_000;

/** What a walk through the inbox needs. */
export type Walk = {
  readonly client: AgentClient;
  readonly identity: Identity;
  /** The next page; what was decided or skipped is on it no more, or left out. */
  readonly read: (next: string | undefined) => Promise<PendingPage>;
};

const isPending = async (task: TaskHandle, id: string): Promise<boolean> =>
  (await task.status()).pending.some((each) => each.id === id);

/** Takes a question back from the terminal once somebody else has decided it; until it is waited for no more. */
const takeBack = async (
  { task, id }: { readonly task: TaskHandle; readonly id: string },
  withdrawn: AbortController,
  done: AbortSignal,
): Promise<void> => {
  while (!done.aborted) {
    await sleep(LOOK_MS, undefined, { signal: done }).catch(() => undefined);
    // A server that is away for a moment has decided nothing.
    if (!done.aborted && !(await isPending(task, id).catch(() => true))) return withdrawn.abort();
  }
};

/** What the task has used so far, and what the agent is at; from history, so it is left out where that cannot be read. */
const costLine = async (task: TaskHandle): Promise<string[]> => {
  try {
    const { usage } = await task.trace();
    return [`  ${notePaint.dim('so far'.padEnd(10))} ${usageLine(usage)}`];
  } catch {
    return [];
  }
};

/** Shows a question and asks. @returns undefined when it was decided elsewhere meanwhile */
const putQuestion = async ({ client, identity }: Walk, listed: PendingDecision): Promise<Choice | undefined> => {
  const task = client.handle(listed.taskId);
  const [pending, cost] = await Promise.all([readWhole(task, listed), costLine(task)]);
  const canSign = identity.signer !== undefined;
  note(`\n${notePaint.bold(oneLine(pending.taskId, 200))}  ${notePaint.dim(`asked ${whenText(pending.since)}`)}`);
  for (const line of [...pendingLines(pending, notePaint), ...cost]) note(line);
  if (!canSign && asksProof(pending.who)) {
    note(notePaint.yellow('  Only signed decisions count here: start this with --key FILE, or set HOLDFAST_KEY.'));
    for (const line of decideLines(pending, notePaint, null)) note(line);
  }
  const withdrawn = new AbortController();
  const done = new AbortController();
  const watching = takeBack({ task, id: pending.id }, withdrawn, done.signal);
  try {
    const choice = await askDecision(pending, { signal: withdrawn.signal, canSign, later: 'Skip it', canStop: true });
    return withdrawn.signal.aborted ? undefined : choice;
  } finally {
    done.abort();
    await watching;
  }
};

/** Sends a decision. @returns false when it was refused and the question still stands */
const sendOne = async ({ client, identity }: Walk, pending: PendingDecision, said: Said): Promise<boolean> => {
  const { taskId, id } = pending;
  const task = client.handle(taskId);
  try {
    const { status, pending: left } = await sendDecision(client, { taskId, callId: id, said }, identity);
    note(`${notePaint.green('✓')} ${oneLine(taskId, 200)}: ${oneLine(status, 30)}`);
    const waiting = left.length === 0 ? [] : (await task.status()).pending.filter(({ votes = [] }) => votes.length > 0);
    for (const each of waiting) note(`  ${oneLine(each.id, 40)} waits for others, too; approved: ${votesText(each)}`);
    return true;
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    note(`${notePaint.red('!')} ${oneLine(error.message, 600)}`);
    return !(await isPending(task, id));
  }
};

const nameOf = ({ taskId, id }: PendingDecision): string => `${taskId} ${id}`;

/** Takes one question as far as this person takes it. @returns how to go on */
const settle = async (walk: Walk, pending: PendingDecision): Promise<'next' | 'stop' | 'quit'> => {
  for (;;) {
    const choice = await putQuestion(walk, pending);
    if (choice === undefined) {
      note(notePaint.dim(`  ${oneLine(pending.id, 40)} was decided elsewhere`));
      return 'next';
    }
    if (choice.choice === 'said') {
      if (await sendOne(walk, pending, choice.said)) return 'next';
    } else return choice.choice === 'later' ? 'next' : choice.choice;
  }
};

/**
 * Walks a person through what waits, one question after another, what was asked first on each page on top.
 * @returns the exit code: 130 where Ctrl-C ended it, without a decision on the question that stood there
 */
export const decideInbox = async (walk: Walk): Promise<ExitCode> => {
  const seen = new Set<string>();
  let next: string | undefined;
  do {
    const page = await walk.read(next);
    for (const pending of page) {
      if (seen.has(nameOf(pending))) continue;
      seen.add(nameOf(pending));
      if (!(await isPending(walk.client.handle(pending.taskId), pending.id))) continue;
      const how = await settle(walk, pending);
      if (how !== 'next') return how === 'quit' ? EXIT.interrupted : EXIT.done;
    }
    next = page.next ?? undefined;
  } while (next !== undefined);
  note(seen.size === 0 ? 'nothing waits for a person' : 'that was all');
  return EXIT.done;
};
