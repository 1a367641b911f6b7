import { cp, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { PendingDecision } from 'holdfast';
import { AgentClient, type ProgressEvent, type TaskHandle } from 'holdfast/client';
import { startScriptedModel } from 'holdfast/testing';
import { z } from 'zod';
import { progressLines } from '../../src/cli/progress-lines.ts';
import { notePaint, paint as outPaint } from '../../src/cli/terminal.ts';
import { brief, clean } from '../../src/cli/text.ts';
import { type Child, CLI, startChild } from './children.ts';
import { readLedger } from './ledger.ts';
import {
  countEffects,
  type Ended,
  type Proof,
  percent,
  proofLines,
  questionLines,
  resultLines,
  snapshot,
} from './report.ts';
import { createScript } from './script.ts';
import { Health, startService } from './service.ts';

const HELP = `An agent on call finds a bad setting and repairs it, and a person approves the change.

  npm start                       asks you to approve, in the Temporal UI or from another terminal
  npm start -- --auto             approves by itself, kills the worker twice on the way, and shows that nothing is done twice
  npm start -- --auto --json      the same; the outcome and the proof are the last line on stdout

  --keep    leaves Temporal, its UI and the working folder there until Ctrl-C
  With OPENAI_API_KEY set, a real model does the work (OPENAI_MODEL, default gpt-5-mini; OPENAI_BASE_URL).`;

const GOAL = "checkout's error rate doubled after the last config change: find the bad setting and repair it";

/** How long a write's answer is held back with --auto: the kill comes much sooner. */
const HOLD_MS = 10_000;
const LEDGER_POLL_MS = 20;

const EXIT = { done: 0, failed: 1, notCompleted: 2, interrupted: 130 } as const;

type Options = { readonly auto: boolean; readonly json: boolean; readonly keep: boolean };

/** The end by Ctrl-C. */
class Interrupted extends Error {}

const Ready = z.object({ temporal: z.string(), namespace: z.string(), ui: z.string().nullable(), store: z.string() });
type Stack = z.infer<typeof Ready> & { readonly child: Child };

const isFree = async (port: number): Promise<boolean> => {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const server = createServer();
  server.once('error', () => resolve(false));
  server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  return await promise;
};

/** Results that are no text on one line: what they say is seen in the next step. */
const compact = (event: ProgressEvent): ProgressEvent =>
  event.type === 'result' && typeof event.output !== 'string' ? { ...event, output: brief(event.output, 110) } : event;

/** One run of the example. What it opens is closed in reverse order, however it ends. */
class Demo {
  readonly #options: Options;
  readonly #home: string;
  readonly #stop = new AbortController();
  readonly #open: (() => Promise<unknown>)[] = [];
  readonly #modelRequests = new Map<number, number>();
  readonly #decided = new Set<string>();
  readonly #paint;
  readonly taskId: string;
  #worker: Child | undefined;
  #kills = 0;

  constructor(options: Options, home: string) {
    this.#options = options;
    this.#home = home;
    this.#paint = options.json ? notePaint : outPaint;
    this.taskId = `config-repair-${home.slice(-6).toLowerCase()}`;
  }

  get #root(): string {
    return join(this.#home, 'work');
  }

  get #logFile(): string {
    return join(this.#home, 'holdfast.log');
  }

  readonly say = (...lines: readonly string[]): void => {
    const stream = this.#options.json ? process.stderr : process.stdout;
    for (const line of lines) stream.write(`${line}\n`);
  };

  readonly #step = (line: string): void => this.say(this.#paint.dim(`· ${line}`));

  stop(reason: Error): void {
    this.#stop.abort(reason);
  }

  async close(): Promise<void> {
    for (const close of this.#open.toReversed()) await close();
  }

  async run(): Promise<number> {
    const { signal } = this.#stop;
    await cp(fileURLToPath(new URL('workspace', import.meta.url)), this.#root, { recursive: true });
    const before = await snapshot(this.#root);
    const service = await startService(join(this.#root, 'config', 'prod'));
    this.#open.push(service.close);
    const rateBefore = await this.#probe(service.url);
    this.#step(`working folder   ${this.#root}`);
    this.#step(`checkout service ${service.url}/health, error rate ${percent(rateBefore)}`);
    const modelUrl = await this.#startModel();
    this.#step('starting Temporal and a control store …');
    const stack = await this.#startStack();
    this.#step(`Temporal         ${stack.temporal}${stack.ui === null ? '' : `, UI ${stack.ui}`}`);
    const env = this.#workerEnvironment(service.url, modelUrl);
    const startWorker = async (): Promise<void> => await this.#startWorker(stack, env);
    this.#step('starting a worker …');
    await startWorker();
    const client = await AgentClient.connect({
      address: stack.temporal,
      namespace: stack.namespace,
      taskQueue: this.taskId,
    });
    this.#open.push(async () => await client.close());
    const task = await client.start(
      { agent: 'on-call', goal: GOAL, principal: { id: 'on-call', roles: ['sre'] } },
      { taskId: this.taskId },
    );
    this.say('');
    if (this.#options.auto) void this.#killAfterWrite(startWorker).catch((error: unknown) => this.stop(error as Error));
    await this.#follow({
      task,
      stack,
      decide: async (pending) => await this.#decideAlone(client, pending, startWorker),
    });
    signal.throwIfAborted();
    const outcome = await task.result();
    const rates = { before: rateBefore, after: await this.#probe(service.url) };
    const code = await this.#report({ outcome, before, after: await snapshot(this.#root), rates });
    if (this.#options.keep) await this.#stay(stack);
    return code;
  }

  async #probe(url: string): Promise<number> {
    const answer = await fetch(`${url}/health`, { signal: this.#stop.signal });
    return Health.parse(await answer.json()).errorRate;
  }

  /** The scripted model; none where a real one is configured. */
  async #startModel(): Promise<string> {
    const { OPENAI_API_KEY, OPENAI_MODEL = 'gpt-5-mini' } = process.env;
    if (OPENAI_API_KEY !== undefined && OPENAI_API_KEY !== '') {
      this.#step(`model            ${OPENAI_MODEL}, because OPENAI_API_KEY is set`);
      return '';
    }
    const onRequest = (step: number): void =>
      void this.#modelRequests.set(step, (this.#modelRequests.get(step) ?? 0) + 1);
    const model = await startScriptedModel({ script: createScript({ onRequest }) });
    this.#open.push(model.close);
    this.#step('model            a scripted one; with OPENAI_API_KEY set, a real one');
    return model.url;
  }

  async #startStack(): Promise<Stack> {
    const { signal } = this.#stop;
    const port = async (usual: number): Promise<string> =>
      !this.#options.auto && (await isFree(usual)) ? String(usual) : '0';
    const child = await startChild({
      args: [
        'dev',
        '--json',
        '--ephemeral',
        '--no-worker',
        '--data',
        join(this.#home, 'dev'),
        '--port',
        await port(7233),
        '--ui-port',
        await port(8233),
        '--store-port',
        '0',
      ],
      isReady: (line) => line.startsWith('{'),
      logFile: this.#logFile,
      // The first start on a machine fetches the server, which takes its time.
      onLine: (line) => {
        if (/download|build|fetch/i.test(line)) this.#step(clean(line));
      },
      signal,
    });
    this.#open.push(child.stop);
    void this.#watch(child, 'the local Temporal', () => true);
    return { ...Ready.parse(JSON.parse(child.ready)), child };
  }

  #workerEnvironment(serviceUrl: string, modelUrl: string): NodeJS.ProcessEnv {
    return {
      CONFIG_REPAIR_ROOT: this.#root,
      CONFIG_REPAIR_SERVICE_URL: serviceUrl,
      CONFIG_REPAIR_MODEL_URL: modelUrl,
      ...(this.#options.auto ? { CONFIG_REPAIR_HOLD_MS: String(HOLD_MS) } : {}),
      HOLDFAST_TASK_QUEUE: this.taskId,
      // A killed worker is noticed within seconds, which suits a demonstration.
      HOLDFAST_HEARTBEAT_TIMEOUT: '2s',
      HOLDFAST_STICKY_TIMEOUT: '1s',
      HOLDFAST_LOG: 'json',
    };
  }

  async #startWorker({ temporal, namespace, store }: Stack, env: NodeJS.ProcessEnv): Promise<void> {
    const config = fileURLToPath(new URL('holdfast.config.ts', import.meta.url));
    const worker = await startChild({
      args: ['worker', '--config', config, '--address', temporal, '--namespace', namespace],
      env: { ...env, HOLDFAST_STORE_URL: store },
      isReady: (line) => line.startsWith('worker ready'),
      logFile: this.#logFile,
      signal: this.#stop.signal,
    });
    this.#worker = worker;
    this.#open.push(worker.stop);
    void this.#watch(worker, 'the worker', () => this.#worker === worker);
  }

  /** A child that ends by itself ends the run. */
  async #watch(child: Child, what: string, isNeeded: () => boolean): Promise<void> {
    const how = await child.ended;
    if (isNeeded()) this.stop(new Error(`${what} ${how}; its log is ${this.#logFile}`));
  }

  async #killWorker(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    if (worker === undefined) return;
    this.#kills += 1;
    await worker.kill();
    this.say(this.#paint.red(`     ☠ worker ${worker.pid} killed with SIGKILL`));
  }

  /** The worst moment: the file is written, and nobody has been told. */
  async #killAfterWrite(startWorker: () => Promise<void>): Promise<void> {
    const { signal } = this.#stop;
    const isWritten = async (): Promise<boolean> =>
      (await readLedger(this.#root)).some(({ tool, event }) => tool === 'files.write' && event === 'applied');
    while (!(await isWritten())) {
      if (signal.aborted) return;
      await sleep(LEDGER_POLL_MS);
    }
    this.say(this.#paint.yellow('     the file is written, and its result is not recorded yet: the worker dies now'));
    await this.#killWorker();
    await startWorker();
    this.say(
      this.#paint.green(
        '     a new worker is there; Temporal gives it the call once the dead one has been silent for 2 s',
      ),
    );
  }

  async #decideAlone(
    client: AgentClient,
    { id, kind }: PendingDecision,
    startWorker: () => Promise<void>,
  ): Promise<void> {
    const task = client.temporal.workflow.getHandle(this.taskId);
    // Only a real model asks.
    if (kind === 'answer')
      return await task.signal(`answer ${id.replace('-', ' ')}`, {
        text: 'Nobody is here. Decide by yourself.',
        by: 'auto',
      });
    const signal = `approve ${id.replace('-', ' ')}`;
    this.say(this.#paint.yellow('     the task waits for a person: the worker dies now'));
    await this.#killWorker();
    await task.signal(signal, { by: 'auto' });
    this.say(this.#paint.yellow(`     signal “${signal}” sent, while no worker runs`));
    await startWorker();
    this.say(this.#paint.green('     a new worker is there'));
    return undefined;
  }

  /** Prints what happens until the task has ended. */
  async #follow({
    task,
    stack,
    decide,
  }: {
    task: TaskHandle;
    stack: Stack;
    decide: (pending: PendingDecision) => Promise<void>;
  }): Promise<void> {
    const { signal } = this.#stop;
    let runId = '';
    try {
      for await (const event of task.progress({ signal })) {
        if (event.type === 'started' || event.type === 'continued') runId = event.runId;
        // The question itself follows, with all that it needs.
        if (event.type !== 'waiting') {
          this.say(...progressLines(compact(event), this.#paint));
          continue;
        }
        for (const pending of event.pending.filter(({ id }) => !this.#decided.has(id))) {
          this.#decided.add(pending.id);
          this.say('', ...(await questionLines(pending, this.#root, this.#paint)), '');
          if (this.#options.auto) await decide(pending);
          else this.#explainDecision(pending, stack, runId);
        }
      }
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  }

  #explainDecision({ id, kind, taskId }: PendingDecision, { ui, namespace, temporal }: Stack, runId: string): void {
    const { bold, cyan, dim } = this.#paint;
    const command = `${process.execPath.replace(`${process.cwd()}/`, '')} ${CLI.replace(`${process.cwd()}/`, '')}`;
    const name = kind === 'answer' ? 'answer' : 'approve';
    const more = kind === 'answer' ? " 'YOUR ANSWER'" : '';
    const target = `--address ${temporal}${namespace === 'default' ? '' : ` --namespace ${namespace}`}`;
    this.say(
      bold(
        kind === 'answer'
          ? 'The agent asks you. Choose one way:'
          : 'Nothing has been changed yet. Choose one way to decide:',
      ),
      '',
      ...(ui === null
        ? []
        : [
            `  ${bold('in the browser')}   ${cyan(`${ui}/namespaces/${namespace}/workflows/${taskId}/${runId}/user-metadata`)}`,
            `                   then More Actions → Send a Signal → ${bold(`${name} ${id.replace('-', ' ')}`)} ${dim(kind === 'answer' ? 'with {"text":"…"}' : '(its input may stay empty)')}`,
          ]),
      `  ${bold('in a terminal')}    ${cyan(`${command} ${name} ${taskId}${kind === 'answer' ? more : ` ${id}`} ${target}`)}`,
      ...(kind === 'answer'
        ? []
        : [
            `  ${bold('or refuse it')}     ${cyan(`${command} deny ${taskId} ${id} --reason 'not during the sale' ${target}`)}`,
          ]),
      '',
      dim('Waiting for your decision. Ctrl-C ends everything.'),
      '',
    );
  }

  async #report(ended: Ended): Promise<number> {
    const { auto, json, keep } = this.#options;
    const { outcome, rates } = ended;
    const proof: Proof = {
      workerKills: this.#kills,
      effects: countEffects(await readLedger(this.#root)),
      modelRequests: this.#modelRequests.size === 0 ? null : Object.fromEntries(this.#modelRequests),
      errorRateBefore: rates.before,
      errorRateAfter: rates.after,
    };
    const twice = proof.effects.filter(({ executions }) => executions !== 1);
    this.say('', ...resultLines(ended, this.#paint), '');
    if (auto && twice.length === 0) this.say(...proofLines(proof, this.#paint), '');
    if (!auto || keep) this.say(this.#paint.dim(`files, ledger and log: ${this.#home}`));
    if (json) process.stdout.write(`${JSON.stringify({ ...outcome, proof })}\n`);
    if (twice.length > 0)
      throw new Error(
        `not done exactly once: ${twice.map(({ key, executions }) => `${key} (${executions} times)`).join(', ')}`,
      );
    return outcome.status === 'completed' ? EXIT.done : EXIT.notCompleted;
  }

  async #stay({ ui, temporal, namespace }: Stack): Promise<void> {
    const page = ui === null ? temporal : `${ui}/namespaces/${namespace}/workflows/${this.taskId}`;
    this.say(`--keep: all of it stays until Ctrl-C. The task: ${this.#paint.cyan(page)}`);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#stop.signal.addEventListener('abort', () => resolve(), { once: true });
    // A promise alone keeps no process alive, the service and the children do.
    await promise;
    if (!(this.#stop.signal.reason instanceof Interrupted)) this.#stop.signal.throwIfAborted();
  }
}

const readOptions = (): Options | null => {
  const { values } = parseArgs({
    options: {
      auto: { type: 'boolean' },
      json: { type: 'boolean' },
      keep: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  const { auto = false, json = false, keep = false, help = false } = values;
  return help ? null : { auto, json, keep };
};

const main = async (): Promise<number> => {
  let options: Options | null;
  try {
    options = readOptions();
  } catch (error) {
    process.stderr.write(`error: ${(error as Error).message}\n\n${HELP}\n`);
    return EXIT.failed;
  }
  if (options === null) {
    process.stdout.write(`${HELP}\n`);
    return EXIT.done;
  }
  const home = await mkdtemp(join(tmpdir(), 'holdfast-config-repair-'));
  const demo = new Demo(options, home);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => demo.stop(new Interrupted()));
  let keepsHome = !options.auto || options.keep;
  try {
    return await demo.run();
  } catch (error) {
    keepsHome = !(error instanceof Interrupted);
    if (error instanceof Interrupted) {
      process.stderr.write('interrupted: all of it ends\n');
      return EXIT.interrupted;
    }
    process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
    return EXIT.failed;
  } finally {
    await demo.close();
    if (!keepsHome) await rm(home, { recursive: true, force: true });
  }
};

process.exitCode = await main();
// Connections may linger for a moment; nobody waits for them.
setTimeout(() => process.exit(), 500).unref();
