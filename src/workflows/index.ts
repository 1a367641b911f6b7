export { agentTask } from './agent-task.ts';
export { compensateTask } from './compensate-task.ts';
export { modelSlots } from './model-slots.ts';
