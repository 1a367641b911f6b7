import { setTimeout as delay } from 'node:timers/promises';
import type { AgentClient, TaskHandle } from '../../src/client.ts';
import type { PendingDecision } from '../../src/domain/decision.ts';
import { DOORS, type Person, type Saying, say } from '../kill/people.ts';
import { pick } from '../kill/plans.ts';
import type { AgentName } from './agent.ts';
import type { World } from './world.ts';

/** What is not heard within that time is said again: its worker may have died. */
const AGAIN_MS = 5_000;

type Decided = {
  readonly callId: string;
  readonly sayings: readonly Saying[];
  /** The argument with which it may happen; undefined: it may not. */
  readonly what: string | undefined;
};

/** What people said of a task's calls, by question. */
export type Minutes = Map<string, Decided>;

type Attending = {
  readonly client: AgentClient;
  readonly world: World;
  readonly task: TaskHandle;
  readonly agent: AgentName;
  readonly next: () => number;
  /** Kills a worker, whichever it is. */
  readonly strike: () => void;
};

const verdictOf = (agent: AgentName, next: () => number): Saying['verdict'] => {
  const chance = next();
  if (chance < 0.2) return 'deny';
  // Where several people decide, changed arguments are another question.
  return chance < 0.5 && agent !== 'paired' ? 'edit' : 'approve';
};

/** What the people decide about a call: yes mostly, in part for whatever comes of the tool where a claim is enough. */
const decide = (agent: AgentName, { callId, args: proposed }: PendingDecision, next: () => number): Decided => {
  const verdict = verdictOf(agent, next);
  const by: readonly Person[] = agent === 'paired' && verdict === 'approve' ? ['ben', 'cat'] : ['dan'];
  const scope = agent === 'claimed' && verdict === 'approve' && next() < 0.5 ? { scope: 'tool' as const } : {};
  const args = verdict === 'edit' ? { what: `instead of ${callId}` } : (proposed as { what: string });
  const more = { ...scope, ...(verdict === 'edit' ? { args } : {}) };
  const isSigned = agent !== 'claimed';
  const sayings = by.map((name): Saying => ({ verdict, by: name, isSigned, door: pick(next, DOORS), ...more }));
  return { callId, sayings, what: verdict === 'deny' ? undefined : args.what };
};

/** Looks at the world and says what is there. */
const tellWhatIsThere = async (world: World, task: TaskHandle, pending: PendingDecision): Promise<void> => {
  const found = await world.look(world.keyOf(pending.taskId, pending.callId));
  if (pending.kind === 'effect') {
    const callId = pending.id;
    await (found !== undefined && found.times > 0 ? task.approve({ callId }) : task.deny({ callId }));
    return;
  }
  // A compensation that failed for good is done by hand.
  if (found !== undefined) found.undone = 1;
  await task.approve({ callId: pending.id });
};

/** Those who answer a task's questions until it is over; workers may die right when they have said something. */
export const attend = async (
  { client, world, task, agent, next, strike }: Attending,
  isOver: () => boolean,
): Promise<Minutes> => {
  const minutes: Minutes = new Map();
  const saidAt = new Map<string, number>();
  const answer = async (pending: PendingDecision): Promise<void> => {
    if (pending.kind !== 'approval') return tellWhatIsThere(world, task, pending);
    const { id } = pending;
    const isFirst = !minutes.has(id);
    const decided = minutes.get(id) ?? decide(agent, pending, next);
    minutes.set(id, decided);
    if (Date.now() - (saidAt.get(id) ?? 0) < AGAIN_MS) return;
    saidAt.set(id, Date.now());
    // Said to whoever will hear it; an update waits for a worker, and nobody waits for it.
    for (const saying of decided.sayings) void say(client.temporal, pending, saying).catch(() => undefined);
    if (isFirst && next() < 0.15) strike();
  };
  while (!isOver()) {
    const pending = await task
      .status()
      .then(({ pending }) => pending)
      .catch(() => []);
    for (const each of pending) await answer(each).catch(() => undefined);
    await delay(200);
  }
  return minutes;
};
