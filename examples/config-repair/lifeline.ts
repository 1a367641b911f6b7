import { isMainThread } from 'node:worker_threads';

// Loaded into every child (`node --import`): its standard input is a pipe from main.ts. When that closes, main.ts is gone,
// however it ended, and the child ends too. No signal can do that: nothing of a killed process runs any more.
const GRACE_MS = 15_000;

// The threads of a child load this file as well; their standard input is closed from the start.
if (isMainThread) {
  process.stdin.on('end', () => {
    process.kill(process.pid, 'SIGTERM');
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), GRACE_MS).unref();
  });
  process.stdin.on('error', () => undefined);
  process.stdin.resume();
  // It must not keep a child alive that has nothing left to do.
  (process.stdin as unknown as { unref?: () => void }).unref?.();
}
