import type { HumanDecision } from '../domain/decision.ts';
import type { Ruling } from '../domain/desk.ts';
import { isReported, revokedEvent } from '../domain/desk-events.ts';
import { checkRevoke } from '../domain/messages.ts';
import { type AskedCall, findStanding, makeStanding, type Standing, standingNamed } from '../domain/standing.ts';
import { closeDoor, type Door, openDoor } from './doors.ts';
import type { TaskState } from './state.ts';
import { showPage } from './visibility.ts';

/** A call as it is to run. */
type Asked = Pick<AskedCall, 'review' | 'args'>;

/** INVARIANT H1: they travel with every new run, so the oldest make room; its calls are asked again. */
const KEPT = 50;

const wireOf = ({ id }: Standing): string => `revoke ${id.replace('-', ' ')}`;

/** Lets a decision that reaches further than once stand for the calls to come. A plain one changes nothing. */
export const standingOf = (task: TaskState, ruling: Ruling, call: Asked): void => {
  const made = makeStanding(ruling, call);
  if (made === undefined) return;
  task.standing.push(made);
  while (task.standing.length > KEPT) remove(task, task.standing[0]);
  openDoor(task, revokeDoor(task, made));
  const { id, tool, scope, by } = made;
  task.event('standing', { id, tool, scope, by });
  showPage(task);
};

const find = (task: TaskState, { review, args }: Asked): Standing | undefined =>
  findStanding(task.standing, { review, args, principal: task.admitted.context.principal.id });

/** Whether a call that asks is covered by an approval that stands: then it is not put on the desk. */
export const isCovered = (task: TaskState, call: Asked): boolean => find(task, call) !== undefined;

/**
 * The approval by which a covered call runs; counted. Asked for right before the call runs: what covered it may have been taken
 * back since it was proposed. The approval's id is for `taskId/epoch/standing/callId`, so that each use is another one
 * (INVARIANT E2).
 */
export const coverOf = (task: TaskState, call: Asked): (HumanDecision & { readonly standing: string }) | undefined => {
  const found = find(task, call);
  if (found === undefined) return undefined;
  task.standing.splice(task.standing.indexOf(found), 1, { ...found, uses: found.uses + 1 });
  const { id, by, verified, votes } = found;
  return {
    decision: 'approved',
    verified,
    at: new Date(Date.now()).toISOString(),
    ...(by === undefined ? {} : { by }),
    ...(votes === undefined ? {} : { votes }),
    standing: id,
  };
};

const remove = (task: TaskState, standing: Standing | undefined): void => {
  if (standing === undefined) return;
  const at = task.standing.findIndex(({ id }) => id === standing.id);
  if (at >= 0) task.standing.splice(at, 1);
  closeDoor(wireOf(standing));
};

/** Takes a standing approval back. It only narrows what may happen, so a claim is enough. @returns why not, in words */
const revoke = (task: TaskState, id: string, by: string | undefined): string | undefined => {
  const found = namedIn(task, id);
  if (!found.ok) return found.refusal;
  const at = new Date(Date.now()).toISOString();
  remove(task, found.value);
  task.event('revoked', { id: found.value.id, tool: found.value.tool, ...(by === undefined ? {} : { by }) });
  if (isReported('revoked', task.admission?.reports)) task.unreported.push(revokedEvent(found.value, { at, by }));
  showPage(task);
  return undefined;
};

const namedIn = ({ standing }: TaskState, target: string) => {
  const found = standingNamed(standing, target);
  if (found !== undefined) return { ok: true, value: found } as const;
  const there = standing.length === 0 ? 'nothing stands' : `standing: ${standing.map(({ id }) => id).join(', ')}`;
  const refusal = `no approval ${JSON.stringify(target.slice(0, 80))} stands in this task; ${there}`;
  return { ok: false, refusal } as const;
};

/** The door `revoke`, or (of one standing approval) the one of its own name: found in the UI's list, gone once revoked. */
const revokeDoor = (task: TaskState, of?: Standing): Door => ({
  wire: of === undefined ? 'revoke' : wireOf(of),
  description:
    of === undefined
      ? 'Take back an approval that reaches further than one call: {"id":"…","by":"…"}.'
      : `Take back the approval of ${of.tool} (${of.scope}) for the calls to come. Empty input is fine, or {"by"}.`,
  check: (payload) => {
    const checked = checkRevoke(payload, of?.id);
    return checked.ok ? namedIn(task, checked.value.id) : checked;
  },
  act: (payload) => {
    const checked = checkRevoke(payload, of?.id);
    return checked.ok ? revoke(task, checked.value.id, checked.value.by) : checked.refusal;
  },
});

/** The doors for what stands; at the start of a run, what stood in the one before. */
export const revokeDoors = (task: TaskState): readonly Door[] => [
  revokeDoor(task),
  ...task.standing.map((each) => revokeDoor(task, each)),
];
