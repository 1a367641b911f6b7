import type { Review } from '../domain/proposal.ts';
import type { ReviewInput } from './messages.ts';
import type { ActivityDeps } from './ports.ts';

/** Reviews arguments that a person put in the place of the model's, before they count as approved. */
export const review = (deps: ActivityDeps, { context, call }: ReviewInput): Promise<Review> =>
  deps.gateway.review({ id: call.id, providerId: '', name: call.tool, arguments: JSON.stringify(call.args) }, context, {
    needsDecision: false,
  });
