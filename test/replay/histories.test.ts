import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { describe, expect, inject, it } from 'vitest';

Runtime.install({ logger: new DefaultLogger('ERROR') });

const folder = fileURLToPath(new URL('../histories/', import.meta.url));
const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
const read = (name: string) =>
  JSON.parse(readFileSync(`${folder}${name}`, 'utf8')) as { events: Record<string, unknown>[] };

describe('recorded histories', () => {
  it.each(files)('%s replays through the workflow code of today', async (name) => {
    await expect(
      Worker.runReplayHistory({ workflowBundle: { codePath: inject('bundle') } }, read(name)),
    ).resolves.toBeUndefined();
  });

  it('a history that the code would not have made is told apart', async () => {
    const history = read('approved.json');
    const scheduled = history.events.filter(
      ({ eventType }) => eventType === 'EVENT_TYPE_ACTIVITY_TASK_SCHEDULED',
    )[2] as {
      activityTaskScheduledEventAttributes: { activityType: { name: string } };
    };
    scheduled.activityTaskScheduledEventAttributes.activityType.name = 'read';

    await expect(Worker.runReplayHistory({ workflowBundle: { codePath: inject('bundle') } }, history)).rejects.toThrow(
      DeterminismViolationError,
    );
  });
});
