import OpenAI from 'openai';
import type {
  ChatCompletionMessage,
  ChatCompletionMessageParam,
  ChatCompletionTool,
} from 'openai/resources/chat/completions';
import { toolOutput } from '../plan.ts';

const parameters = {
  type: 'object',
  properties: { bytes: { type: 'integer' }, hang: { type: 'boolean' } },
  required: ['bytes'],
};
const tools: ChatCompletionTool[] = ['read', 'write', 'park'].map((name) => ({
  type: 'function',
  function: { name, description: 'Works for the benchmark', parameters },
}));

let client: OpenAI | undefined;

/** Says where the model is; activities of one worker share a client. */
export const useModel = (baseURL: string): void => {
  client = new OpenAI({ apiKey: 'none', baseURL, maxRetries: 0 });
};

export const callModel = async (messages: ChatCompletionMessageParam[]): Promise<ChatCompletionMessage> => {
  if (client === undefined) throw new TypeError('useModel was not called');
  const answer = await client.chat.completions.create({ model: 'scripted', messages, tools, max_tokens: 4_000 });
  const message = answer.choices[0]?.message;
  if (message === undefined) throw new TypeError('the model gave no answer');
  return message;
};

/** The same work for reads and effects: a hand-written loop knows no difference. */
export const callTool = async (_name: string, args: string): Promise<string> => {
  const { bytes } = JSON.parse(args) as { bytes: number };
  return toolOutput(bytes);
};
