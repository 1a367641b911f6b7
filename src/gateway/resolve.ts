import type { Ran, ResolveRequest, RunContext } from '../activities/ports.ts';
import { digestJson } from '../domain/digest.ts';
import type { Json } from '../domain/json.ts';
import type { Tool } from '../tools/tool.ts';
import { callEntry, whoDetail } from './audit.ts';
import type { GatewayParts } from './flight.ts';
import { resultOf } from './flight.ts';
import { type AuditAnchor, type LedgerSettlement, taskRef } from './ports.ts';
import { cleanText, toLedgerJson, toUndoJson } from './sanitize.ts';

const toSettlement = (parts: GatewayParts, { happened, output, human }: ResolveRequest): LedgerSettlement =>
  happened
    ? { state: 'succeeded', ...(output === undefined ? {} : { output: toUndoJson(output, parts.secrets) }) }
    : { state: 'failed', error: human.note ?? 'a person checked: it did not happen' };

const audit = (parts: GatewayParts, request: ResolveRequest): Promise<AuditAnchor | undefined> => {
  const { call, context, key, happened, human } = request;
  const entry = callEntry(
    { call, context, tool: { name: call.tool }, argsDigest: digestJson(call.args) },
    'resolution',
    { ...whoDetail({ ...human, by: human.by ?? 'a person' }), happened, key, at: human.at },
  );
  return parts.store.audit.append(taskRef(context), [entry]);
};

/**
 * Settles an effect of which nobody knew, by what a person found out. INVARIANT E7: "it happened" may carry the output,
 * for its compensation. Idempotent.
 */
export const resolveEffect = async (
  parts: GatewayParts,
  tool: Tool | undefined,
  request: ResolveRequest & { readonly run: RunContext },
): Promise<Ran> => {
  const { call, key, happened, output, human } = request;
  await parts.store.ledger.resolve(key, toSettlement(parts, request));
  const anchor = await audit(parts, request);
  const words = human.note === undefined ? '' : ` ${cleanText(human.note, parts.secrets)}`;
  const said = `A person checked: it ${happened ? 'happened' : 'did not happen'}.${words}`;
  const shown: Json =
    happened && output !== undefined ? { note: said, output: toLedgerJson(output, parts.secrets) } : said;
  const status = happened ? 'succeeded' : 'failed';
  const result = resultOf(
    { call, tool: { name: tool?.name ?? call.tool } },
    { status, output: shown, trust: 'trusted', human },
  );
  return { result, anchor };
};
