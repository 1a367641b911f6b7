import { z } from 'zod';
import { fromZod } from './schema.ts';
import type { Tool } from './tool.ts';

/** The name of the built-in tool by which an agent asks a person. */
export const ASK_HUMAN = 'ask_human';

const Question = z.object({ question: z.string().trim().min(1).max(4_000).describe('One clear question') });

/**
 * Asks a person and waits for the words of the answer. Every agent has it: asking is no right over anything, and an
 * answer grants nothing. The workflow waits; nothing runs on a worker.
 */
export const askHuman: Tool<z.infer<typeof Question>, string> = {
  kind: 'tool',
  name: ASK_HUMAN,
  description:
    'Ask a person a question when the goal is unclear or only a person can know. The result is their answer.',
  effect: 'read',
  input: fromZod(Question, 'input'),
  timeoutMs: 1,
  maxAttempts: 1,
  idempotent: true,
  openWorld: false,
  egress: false,
  unattended: true,
  sensitive: [],
  requires: [],
  nonEmpty: false,
  isFree: true,
  execute: () => {
    throw new Error('ask_human is answered by a person, not run');
  },
};
