import type { TrailAnchor } from '../domain/audit-chain.ts';
import { HoldfastError } from '../domain/failures.ts';
import { type TrailProblem, verifyTrail } from '../domain/verify-trail.ts';
import type { AuditLog, AuditRow, TaskRef } from '../gateway/ports.ts';
import type { RecordedAnchors } from '../timeline/audit-anchors.ts';

/** What was found out about the trail of one life of a task. */
export type LifeReport = {
  readonly epoch: string;
  readonly entries: number;
  /** Hashes that the event history knows; 0 where it is gone. */
  readonly anchors: number;
  readonly problems: readonly TrailProblem[];
};

/** What `audit verify` gives. */
export type AuditReport = {
  readonly taskId: string;
  readonly ok: boolean;
  /** `history` only where the event history of the last life was there to compare with. */
  readonly checked: 'chain' | 'chain and history';
  readonly lives: readonly LifeReport[];
};

/** An entry as it stands in the store; null where it is no JSON any more. */
type StoredRow = Omit<AuditRow, 'entry'> & { readonly entry: AuditRow['entry'] | null };

const PAGE = 500;

/** One entry. One that cannot be read is passed on as such: it was changed. */
const readOne = async (log: AuditLog, task: TaskRef, after: number): Promise<readonly StoredRow[]> => {
  try {
    return await log.page(task, { after, limit: 1 });
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return [{ seq: after + 1, at: '', entry: null, hash: 'sha256:' }];
  }
};

const readPage = async (log: AuditLog, task: TaskRef, after: number): Promise<readonly StoredRow[]> => {
  try {
    return await log.page(task, { after, limit: PAGE });
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return await readOne(log, task, after);
  }
};

/** A whole trail, page by page. @throws ApplicationFailure `Store.Unavailable` */
export async function* readTrail(log: AuditLog, task: TaskRef): AsyncGenerator<StoredRow> {
  for (let after = 0; ; ) {
    const rows = await readPage(log, task, after);
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.seq;
  }
}

const verifyLife = async (log: AuditLog, task: TaskRef, anchors: readonly TrailAnchor[]): Promise<LifeReport> => {
  // Read before the entries: what is appended meanwhile is no finding.
  const head = await log.append(task, []);
  const rows: StoredRow[] = [];
  for await (const row of readTrail(log, task)) rows.push(row);
  const known = head === undefined ? anchors : [...anchors, head];
  const verdict = verifyTrail(rows, known);
  return {
    epoch: task.epoch,
    entries: rows.length,
    anchors: anchors.length,
    problems: verdict.ok ? [] : verdict.problems,
  };
};

const NO_HISTORY: RecordedAnchors = { epoch: undefined, anchors: [] };

/**
 * Checks the trails of all lives of a task, the one that the history is of also against that.
 * @throws HoldfastError `Task.NotFound` when there is neither a trail nor a history
 */
export const verifyTask = async (
  log: AuditLog,
  taskId: string,
  history: RecordedAnchors | undefined,
): Promise<AuditReport> => {
  const epochs = await log.epochs(taskId);
  if (epochs.length === 0 && history === undefined)
    throw new HoldfastError('Task.NotFound', `there is neither a trail nor a history of ${JSON.stringify(taskId)}.`);
  const { epoch: current, anchors } = history ?? NO_HISTORY;
  // A life that the history knows and the store does not: its whole trail is gone.
  const all = new Set([...epochs, ...(current === undefined ? [] : [current])]);
  const lives: LifeReport[] = [];
  for (const epoch of all) lives.push(await verifyLife(log, { taskId, epoch }, epoch === current ? anchors : []));
  return {
    taskId,
    ok: lives.every(({ problems }) => problems.length === 0),
    checked: current === undefined ? 'chain' : 'chain and history',
    lives,
  };
};
