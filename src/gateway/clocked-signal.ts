const { prototype } = AbortSignal;

/**
 * Makes a signal look at the clock whenever it is asked. A process that was frozen, or whose event loop stood still, finds the
 * answers that came meanwhile before its timers: a tool that goes on with one of them would do its effect after its time.
 * @param look aborts what the signal follows, where its time is over
 */
export const clockedSignal = (signal: AbortSignal, look: () => void): AbortSignal =>
  Object.defineProperties(signal, {
    aborted: {
      get: () => {
        look();
        return Reflect.get(prototype, 'aborted', signal);
      },
    },
    throwIfAborted: {
      value: () => {
        look();
        prototype.throwIfAborted.call(signal);
      },
    },
  });

/** Aborts with `stop`, and when a time is over, also for those who ask before the timer has run. */
export const timedSignal = (stop: AbortSignal, timeoutMs: number): AbortSignal => {
  const late = new AbortController();
  const endsAt = Date.now() + timeoutMs;
  const look = (): void => {
    // Aborts what is made of it, where its own time is over.
    if (stop.aborted || Date.now() < endsAt) return;
    late.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError'));
  };
  return clockedSignal(AbortSignal.any([stop, late.signal, AbortSignal.timeout(timeoutMs)]), look);
};
