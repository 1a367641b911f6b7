import { describe, expect, it, onTestFinished } from 'vitest';
import {
  type SupervisedWorker,
  superviseWorker,
  type WorkerExit,
  type WorkerOptions,
} from '../../src/dev/worker-process.ts';
import { isAlive, waitFor } from './support.ts';

const makeWorker = (script: string, options: Partial<WorkerOptions> = {}) => {
  const lines: string[] = [];
  const pids: number[] = [];
  const exits: WorkerExit[] = [];
  const worker: SupervisedWorker = superviseWorker({
    command: [process.execPath, '-e', script],
    log: (line) => lines.push(line),
    onStart: (pid) => pids.push(pid),
    onExit: (exit) => exits.push(exit),
    ...options,
  });
  onTestFinished(async () => await worker.stop());
  return { worker, lines, pids, exits };
};

const STEADY = "console.log('up'); setInterval(() => {}, 1000)";
const GRACEFUL = `process.once('SIGTERM', () => { console.log('bye'); process.exit(0); }); ${STEADY}`;

describe('superviseWorker', { timeout: 30_000 }, () => {
  it('starts a worker that died again, waiting longer each time', async () => {
    const { exits, pids } = makeWorker('process.exit(7)');

    await waitFor(() => exits.length === 3);

    expect(exits.map(({ restartInMs }) => restartInMs)).toEqual([200, 400, 800]);
    expect(exits[0]?.reason).toBe('ended with exit code 7');
    expect(new Set(pids).size).toBe(pids.length);
  });

  it('starts one again that was killed', async () => {
    const { worker, exits, pids, lines } = makeWorker(STEADY);
    await waitFor(() => lines.length === 1);

    worker.kill('SIGKILL');
    await waitFor(() => lines.length === 2);

    expect(exits).toEqual([{ reason: 'was ended by SIGKILL', restartInMs: 200 }]);
    expect(worker.pid).toBe(pids[1]);
  });

  it('restarts gracefully and at once', async () => {
    const { worker, exits, lines } = makeWorker(GRACEFUL);
    await waitFor(() => lines.length === 1);

    await worker.restart();
    await waitFor(() => lines.length === 3);

    expect(lines).toEqual(['up', 'bye', 'up']);
    expect(exits).toEqual([]);
  });

  it('stops gracefully, and does not start again', async () => {
    const { worker, pids, lines, exits } = makeWorker(GRACEFUL);
    await waitFor(() => lines.length === 1);

    await Promise.all([worker.stop(), worker.stop()]);

    expect(lines).toEqual(['up', 'bye']);
    expect(exits).toEqual([]);
    expect(worker.pid).toBeNull();
    expect(await isAlive(pids[0] ?? 0)).toBe(false);
  });

  it('stops at once while it waits to start again', async () => {
    const { worker, exits } = makeWorker('process.exit(1)');
    await waitFor(() => exits.length === 3);
    const startedAt = Date.now();

    await worker.stop();

    expect(Date.now() - startedAt).toBeLessThan(500);
  });

  it('says why a command does not start', async () => {
    const { exits } = makeWorker('', { command: ['/no/such/program'] });

    await waitFor(() => exits.length === 1);

    expect(exits[0]?.reason).toContain('/no/such/program cannot be started');
  });

  it('ends what a dead worker started', async () => {
    const spawnChild =
      "const c = require('node:child_process').spawn('sleep', ['60'], { stdio: 'inherit' }); console.log(c.pid);";
    const { worker, lines, exits } = makeWorker(`${spawnChild} setTimeout(() => process.exit(2), 100)`);
    await waitFor(() => exits.length === 1);
    await worker.stop();

    expect(await isAlive(Number(lines[0]))).toBe(false);
  });
});
