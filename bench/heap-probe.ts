import { BroadcastChannel, isMainThread, threadId } from 'node:worker_threads';

// Preloaded into a worker with --expose-gc, where it runs in every thread: on request, a thread collects its garbage and
// tells what is left. Workflows live in threads of Temporal's SDK, which the main thread cannot look into.
const requests = new BroadcastChannel('bench-heap-request');
const answers = new BroadcastChannel('bench-heap-answer');
requests.unref();
answers.unref();

const collect = (globalThis as { gc?: () => void }).gc;

requests.onmessage = () => {
  collect?.();
  collect?.();
  answers.postMessage({ threadId, used: process.memoryUsage().heapUsed });
};

if (isMainThread) {
  process.on('message', (message) => {
    if (message !== 'heap') return;
    const used = new Map<number, number>();
    const own = new BroadcastChannel('bench-heap-answer');
    own.onmessage = ({ data }: { data: { threadId: number; used: number } }) => used.set(data.threadId, data.used);
    requests.postMessage('collect');
    collect?.();
    collect?.();
    setTimeout(() => {
      own.close();
      const threads = [...used.values()].reduce((sum, each) => sum + each, 0);
      process.send?.({ kind: 'heap', threads: used.size, used: threads + process.memoryUsage().heapUsed });
    }, 3_000);
  });
}
