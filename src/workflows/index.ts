export { agentTask } from './agent-task.ts';
export { modelSlots } from './model-slots.ts';
