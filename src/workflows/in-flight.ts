import type { ExecuteResult } from '../activities/messages.ts';
import type { Compensated, GatewayCall } from '../activities/ports.ts';
import type { Review } from '../domain/proposal.ts';
import type { Turn } from './call.ts';

/** Where the call stands whose turn it is, once it is more than waiting for its first decision. All but `ready` are counted. */
export type CallStage =
  /** It may run; nothing ran yet. */
  | { readonly kind: 'ready'; readonly turn: Turn }
  /** The verdict at execution asks: nothing ran, and a person is asked about this turn. */
  | { readonly kind: 'asked'; readonly turn: Turn }
  /** The person approved; nothing ran yet. */
  | { readonly kind: 'approved'; readonly turn: Turn }
  /** It ran, and nobody knows whether it happened: a person is asked. */
  | { readonly kind: 'unknown'; readonly turn: Turn; readonly result: ExecuteResult };

/** A proposal whose calls are being run: what a new run needs to go on at exactly this point. Its calls stand in the transcript. */
export type InFlight = {
  /** One for each call, in the model's order. */
  readonly reviews: readonly Review[];
  /** Place of the call whose turn it is, from 0. */
  next: number;
  /** Allowed reads that wait for company, or for an effect before which they must run. */
  readonly reads: GatewayCall[];
  at?: CallStage | undefined;
};

/** An undo about which a person is asked: what its last attempt came to, so that it is not attempted again. */
export type Undoing = { readonly callId: string; readonly done: Compensated; readonly isForced: boolean };
