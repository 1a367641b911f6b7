import { setTimeout as sleep } from 'node:timers/promises';
import { type RecordedRequest, startScriptedModel } from '../src/testing/index.ts';
import { fromGoal, HANG_MS } from './plan.ts';
import { endWithParent, tell } from './support/child.ts';

// The scripted model, in a process of its own so that its CPU is nobody else's. It reports every request.
endWithParent();
const model = await startScriptedModel({
  api: 'chat',
  script: async ({ goal, step, attempt, schemas }) => {
    tell({ kind: 'request', id: fromGoal(goal).id, step, attempt, at: performance.timeOrigin + performance.now() });
    // Bodies of long tasks fill the memory, and nobody reads them here.
    (model.requests as RecordedRequest[]).length = 0;
    const { tool, steps, bytes, hang } = fromGoal(goal);
    if (step > steps) return { text: 'done' };
    const isHanging = hang?.step === step;
    if (isHanging && hang.where === 'model' && attempt === 1) await sleep(HANG_MS);
    const args = { bytes, ...(isHanging && hang.where === 'tool' ? { hang: true } : {}) };
    const schema = schemas[tool] as { properties?: Record<string, unknown> } | undefined;
    const isAskedWhy = schema?.properties?.['decision'] !== undefined;
    const usage = { inputTokens: 10, outputTokens: 10 };
    return { usage, calls: [{ tool, args, ...(isAskedWhy ? {} : { decision: null }) }] };
  },
});
tell({ kind: 'ready', url: model.url });
