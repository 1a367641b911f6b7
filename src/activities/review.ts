import type { Review } from '../domain/proposal.ts';
import type { ReviewInput } from './messages.ts';
import { whileAway } from './patience.ts';
import type { ActivityDeps } from './ports.ts';

/** Reviews arguments that a person put in the place of the model's, before they count as approved. */
export const review = async (deps: ActivityDeps, { context, call, situation }: ReviewInput): Promise<Review> => {
  const raw = { id: call.id, providerId: '', name: call.tool, arguments: JSON.stringify(call.args) };
  const request = {
    calls: [raw],
    context,
    situation,
    needsDecision: false,
    ...(call.provenance === undefined ? {} : { provenance: { [call.id]: call.provenance } }),
  };
  const { reviews } = await whileAway(() => deps.gateway.review(request));
  const [first] = reviews;
  if (first === undefined) throw new TypeError(`no review of ${call.id}`);
  return first;
};
