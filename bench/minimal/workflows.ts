import { condition, defineSignal, proxyActivities, setHandler } from '@temporalio/workflow';
import type { ChatCompletionMessageParam } from 'openai/resources/chat/completions';
import type * as activities from './activities.ts';

const { callModel, callTool } = proxyActivities<typeof activities>({ startToCloseTimeout: '5 minutes' });

export const approveSignal = defineSignal('approve');

/** The loop that everybody writes first: the workflow holds all messages, and the model's activity gets all of them. */
export async function minimalLoop(instructions: string, goal: string): Promise<string> {
  let isApproved = false;
  setHandler(approveSignal, () => {
    isApproved = true;
  });
  const messages: ChatCompletionMessageParam[] = [
    { role: 'system', content: instructions },
    { role: 'user', content: goal },
  ];
  for (;;) {
    const answer = await callModel(messages);
    messages.push(answer);
    if (answer.tool_calls === undefined || answer.tool_calls.length === 0) return answer.content ?? '';
    for (const call of answer.tool_calls) {
      if (call.type !== 'function') continue;
      if (call.function.name === 'park') await condition(() => isApproved);
      const content = await callTool(call.function.name, call.function.arguments);
      messages.push({ role: 'tool', tool_call_id: call.id, content });
    }
  }
}
