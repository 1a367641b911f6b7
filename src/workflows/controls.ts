import { cutText, utf8Bytes } from '../domain/json.ts';
import { checkControl } from '../domain/messages.ts';
import { SIZES } from '../domain/sizes.ts';
import type { Door } from './doors.ts';
import type { TaskState } from './state.ts';
import { showPending } from './visibility.ts';

/** Of a text in the list of what happened, which travels with every run (INVARIANT H1). */
const KEPT_BYTES = 1_000;
/** Words that the agent has not heard yet; a task that waits hears none, and the server takes so much of a new run. */
const UNHEARD_BYTES = 4 * SIZES.humanText;
const UNHEARD = 'the agent has not heard yet what was said before; say it once the task goes on';

const unheardBytes = ({ said }: TaskState): number => said.reduce((sum, text) => sum + utf8Bytes(text), 0);

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
    task.event('pause', checked.value === undefined ? {} : { reason: cutText(checked.value, KEPT_BYTES) });
    if (task.admission !== undefined) showPending(task);
    return undefined;
  },
});

/** @returns whether there is room for words to the agent */
const say = (task: TaskState, words: string | undefined): boolean => {
  if (words !== undefined && unheardBytes(task) + utf8Bytes(words) > UNHEARD_BYTES) return false;
  if (words !== undefined) task.said.push(words);
  task.event('resume', words === undefined ? {} : { guidance: cutText(words, KEPT_BYTES) });
  return true;
};

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
    if (!say(task, checked.value)) return UNHEARD;
    if (!task.paused) return undefined;
    task.paused = false;
    if (task.admission !== undefined) showPending(task);
    return undefined;
  },
});
