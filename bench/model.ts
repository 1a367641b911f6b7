import { setTimeout as sleep } from 'node:timers/promises';
import { type RecordedRequest, type ScriptedTranscript, startScriptedModel, type Turn } from '../src/testing/index.ts';
import { fromGoal, HANG_MS } from './plan.ts';
import { endWithParent, tell } from './support/child.ts';

/** One call a step, of the plan's tool, with a decision where the tool asks for one. */
const nextTurn = ({ goal, step, schemas }: ScriptedTranscript): Turn => {
  const { tool, steps, bytes, hang } = fromGoal(goal);
  if (step > steps) return { text: 'done' };
  // A step's number in its arguments: the same call again and again would be asked about as a loop.
  const args = { bytes, step, ...(hang?.step === step && hang.where === 'tool' ? { hang: true } : {}) };
  const schema = schemas[tool] as { properties?: Record<string, unknown> } | undefined;
  const isAskedWhy = schema?.properties?.['decision'] !== undefined;
  return {
    usage: { inputTokens: 10, outputTokens: 10 },
    calls: [{ tool, args, ...(isAskedWhy ? {} : { decision: null }) }],
  };
};

// The scripted model, in a process of its own so that its CPU is nobody else's. It reports every request.
endWithParent();
const model = await startScriptedModel({
  api: 'chat',
  script: async (transcript) => {
    const { goal, step, attempt } = transcript;
    const { id, hang } = fromGoal(goal);
    tell({ kind: 'request', id, step, attempt, at: performance.timeOrigin + performance.now() });
    // Bodies of long tasks fill the memory, and nobody reads them here.
    (model.requests as RecordedRequest[]).length = 0;
    if (hang?.where === 'model' && hang.step === step && attempt === 1) await sleep(HANG_MS);
    return nextTurn(transcript);
  },
});
tell({ kind: 'ready', url: model.url });
