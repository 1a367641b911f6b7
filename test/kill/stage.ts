import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { inject } from 'vitest';
import { AgentClient, type TaskHandle } from '../../src/client.ts';
import { type ScriptedCall, startScriptedModel } from '../../src/testing/index.ts';
import { migratedStore } from '../support/store.ts';
import type { ToolName } from './desk-agent.ts';
import type { ChildOptions } from './desk-child.ts';
import { SIGNERS } from './people.ts';

type AtEnd = (end: () => Promise<void>) => void;
type Call = { readonly tool: ToolName; readonly args: { readonly amount: number } };
type Received = { readonly id: string; readonly body: string };

const SECRET = 'a secret of more than twenty-four bytes';

/** Who is told by webhook. `answer` is how, from now on. */
const startReceiver = async (atEnd: AtEnd) => {
  const receiver = {
    url: '',
    received: [] as Received[],
    answer: (_: Received, response: ServerResponse): void => void response.writeHead(204).end(),
  };
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const received = { id: String(request.headers['webhook-id']), body: Buffer.concat(chunks).toString() };
    receiver.received.push(received);
    receiver.answer(received, response);
  };
  const server = createServer((request, response) => void take(request, response).catch(() => response.destroy()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(async () => {
    server.closeAllConnections();
    server.close();
  });
  receiver.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return receiver;
};

/**
 * Worker processes of one queue that a test starts and kills. One keeps every workflow in memory, the next one none, and so on: what
 * a worker did that went on from its memory is repeated from the history by the one after it.
 */
const makeWorkers = (options: Omit<ChildOptions, 'part' | 'maxCachedWorkflows'>, atEnd: AtEnd) => {
  const alive = new Set<ChildProcess>();
  let started = 0;
  const kill = async (): Promise<void> => {
    const all = [...alive];
    alive.clear();
    for (const child of all) child.kill('SIGKILL');
    await Promise.all(
      all
        .filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)
        .map((child) => once(child, 'exit')),
    );
  };
  atEnd(kill);
  return {
    start: (part: ChildOptions['part'] = 'all'): void => {
      const main = fileURLToPath(new URL('desk-child.ts', import.meta.url));
      if (part !== 'activities') started += 1;
      const given: ChildOptions = { ...options, part, maxCachedWorkflows: started % 2 === 1 ? 100 : 0 };
      const child = spawn(process.execPath, [main, JSON.stringify(given)], {
        stdio: ['ignore', 'ignore', 'inherit'],
        // Most of what a start costs is compiling; all of them compile the same.
        env: { ...process.env, DESK_SECRET: SECRET, NODE_COMPILE_CACHE: join(dirname(options.bundle), 'compiled') },
      });
      alive.add(child);
    },
    /** Ends all of them with SIGKILL, and waits until they are gone. */
    kill,
  };
};

/** A queue with a store, a model and a receiver of its own; its workers are processes that can be killed. */
export const startStage = async (atEnd: AtEnd, address = inject('temporal').address) => {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-kill-'));
  atEnd(async () => rmSync(dir, { recursive: true }));
  const taskQueue = `kill-${randomUUID()}`;
  const scripts = new Map<string, readonly ScriptedCall[]>();
  const [store, receiver, model] = await Promise.all([
    migratedStore(atEnd),
    startReceiver(atEnd),
    startScriptedModel({
      script: ({ step, goal }) => {
        const calls = scripts.get(goal) ?? [];
        return step === 1 && calls.length > 0 ? { calls } : { text: 'done' };
      },
    }),
  ]);
  atEnd(model.close);
  const client = await AgentClient.connect({ address, taskQueue });
  atEnd(() => client.close());
  const sql = new pg.Pool({ connectionString: store, max: 2 });
  sql.on('error', () => undefined);
  atEnd(() => sql.end());
  const workers = makeWorkers(
    {
      dir,
      address,
      taskQueue,
      store,
      bundle: inject('bundle'),
      model: model.url,
      webhook: receiver.url,
      signers: SIGNERS,
    },
    atEnd,
  );
  return {
    dir,
    taskQueue,
    store,
    client,
    receiver,
    sql,
    workers,
    /** A task that proposes these calls, all at once, and is done then. */
    run: (...calls: readonly Call[]): Promise<TaskHandle> => {
      const taskId = `t-${randomUUID()}`;
      scripts.set(taskId, calls);
      return client.start({ agent: 'clerk', goal: taskId, principal: { id: 'ana' } }, { taskId });
    },
  };
};

/** Under load a worker takes its time. */
export const PATIENCE_MS = 90_000;

export type Stage = Awaited<ReturnType<typeof startStage>>;
