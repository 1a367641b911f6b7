import { Context } from '@temporalio/activity';
import { patiently } from '../gateway/patience.ts';

/** Waits out a control store that is away, inside an activity, and says so in the worker's log. */
export const whileAway = <T>(work: () => Promise<T>): Promise<T> => {
  const { cancellationSignal, log } = Context.current();
  return patiently(cancellationSignal, work, ({ message }) => log.warn('waiting for the control store', { message }));
};
