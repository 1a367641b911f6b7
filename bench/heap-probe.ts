import { BroadcastChannel, isMainThread, threadId } from 'node:worker_threads';

// Preloaded into a worker with --expose-gc, where it runs in every thread: on request, a thread collects its garbage and
// tells what is left. Workflows live in threads of Temporal's SDK, which the main thread cannot look into.
const REQUEST = 'bench-heap-request';
const ANSWER = 'bench-heap-answer';
/** Long enough for every thread to collect. */
const WAIT_MS = 3_000;

type Answer = { readonly threadId: number; readonly used: number };

const collect = (): number => {
  const { gc } = globalThis as { gc?: () => void };
  gc?.();
  gc?.();
  return process.memoryUsage().heapUsed;
};

/** Makes a channel call back with what is posted to it; it keeps no thread alive. */
const listen = (name: string, listener: (data: unknown) => void): BroadcastChannel => {
  const channel = new BroadcastChannel(name);
  channel.unref();
  // oxlint-disable-next-line unicorn/prefer-add-event-listener -- Node's type of this channel has no addEventListener
  channel.onmessage = (event) => listener((event as { data: unknown }).data);
  return channel;
};

const post = (channel: BroadcastChannel, data: unknown): void => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- this is no window
  channel.postMessage(data);
};

if (isMainThread) {
  const used = new Map<number, number>();
  const requests = new BroadcastChannel(REQUEST);
  requests.unref();
  listen(ANSWER, (data) => {
    const answer = data as Answer;
    used.set(answer.threadId, answer.used);
  });
  process.on('message', (message) => {
    if (message !== 'heap') return;
    used.clear();
    post(requests, 'collect');
    setTimeout(() => {
      const threads = [...used.values()].reduce((sum, each) => sum + each, 0);
      process.send?.({ kind: 'heap', used: threads + collect() });
    }, WAIT_MS);
  });
} else {
  const answers = new BroadcastChannel(ANSWER);
  answers.unref();
  listen(REQUEST, () => post(answers, { threadId, used: collect() }));
}
