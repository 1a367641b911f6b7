import { checkControl } from '../domain/messages.ts';
import type { Door } from './doors.ts';
import type { TaskState } from './state.ts';
import { showPending } from './visibility.ts';

const ENDED = 'the task has ended; what it did is being undone';

/** The door `pause`: the task stops before its next step or effect. */
export const pauseDoor = (task: TaskState): Door => ({
  wire: 'pause',
  description: 'Stop before the next step. Empty input is fine, or {"reason":"…"}.',
  check: (payload) => checkControl('reason', payload),
  act: (payload) => {
    const checked = checkControl('reason', payload);
    if (!checked.ok) return checked.refusal;
    if (task.end !== undefined) return ENDED;
    if (task.paused) return 'the task is paused already';
    task.paused = true;
    task.event('pause', checked.value === undefined ? {} : { reason: checked.value });
    if (task.admission !== undefined) showPending(task);
    return undefined;
  },
});

/** The door `resume`: the task goes on; guidance is also taken while it runs. */
export const resumeDoor = (task: TaskState): Door => ({
  wire: 'resume',
  description: 'Go on. Empty input is fine, or {"guidance":"words for the agent"}.',
  check: (payload) => checkControl('guidance', payload),
  act: (payload) => {
    const checked = checkControl('guidance', payload);
    if (!checked.ok) return checked.refusal;
    if (task.end !== undefined) return ENDED;
    if (!task.paused && checked.value === undefined) return 'the task is not paused';
    if (checked.value !== undefined) task.said.push(checked.value);
    task.event('resume', checked.value === undefined ? {} : { guidance: checked.value });
    if (!task.paused) return undefined;
    task.paused = false;
    if (task.admission !== undefined) showPending(task);
    return undefined;
  },
});
