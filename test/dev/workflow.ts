import { proxyLocalActivities, sleep } from '@temporalio/workflow';

const { now } = proxyLocalActivities<{ now(): Promise<number> }>({ startToCloseTimeout: '5 seconds' });

export const timed = async (): Promise<number> => {
  const startedAt = await now();
  await sleep('30 ms');
  return (await now()) - startedAt;
};
