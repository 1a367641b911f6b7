import * as wf from '@temporalio/workflow';

/** A slot in use. It ends by itself, so that a holder that died does not keep it. */
type Lease = { readonly holder: string; readonly untilMs: number };

/** A request for a slot. The same holder asking again keeps the slot it has. */
export type SlotRequest = { readonly holder: string; readonly limit: number; readonly ttlMs: number };

/** How long one request waits before it is told to ask again; keeps updates short, so that a new run can take over. */
const WAIT = '5s';
/** Requests after which a new run begins: the server bounds updates per run at 2,000. */
const REQUESTS_PER_RUN = 800;

/** Gives a slot to a holder, or waits for one. Answers whether the slot was given. */
const acquireSlotUpdate = wf.defineUpdate<boolean, [SlotRequest]>('acquireSlot');
/** Gives a slot back. */
const releaseSlotSignal = wf.defineSignal<[string]>('releaseSlot');

/**
 * Counts the requests under way to one model, over all workers: a semaphore with leases.
 * One run per model, started by its first request, for ever continued as new.
 */
export async function modelSlots(carried: readonly Lease[] = []): Promise<void> {
  let leases = carried;
  let requests = 0;
  let isDraining = false;
  const inUse = (): readonly Lease[] => {
    const now = Date.now();
    return leases.filter(({ untilMs }) => untilMs > now);
  };
  const take = ({ holder, limit, ttlMs }: SlotRequest): boolean => {
    const others = inUse().filter((lease) => lease.holder !== holder);
    if (others.length >= limit) return false;
    leases = [...others, { holder, untilMs: Date.now() + ttlMs }];
    return true;
  };

  wf.setHandler(releaseSlotSignal, (holder) => {
    leases = leases.filter((lease) => lease.holder !== holder);
  });
  wf.setHandler(acquireSlotUpdate, async (request) => {
    requests += 1;
    if (take(request)) return true;
    await wf.condition(() => isDraining || inUse().length < request.limit, WAIT);
    return take(request);
  });

  await wf.condition(() => requests >= REQUESTS_PER_RUN || (requests > 0 && wf.workflowInfo().continueAsNewSuggested));
  isDraining = true;
  await wf.condition(wf.allHandlersFinished);
  await wf.continueAsNew<typeof modelSlots>(inUse());
}
