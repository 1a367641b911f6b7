import type { ApprovalRule } from '../domain/approval-rule.ts';
import type { PendingKind } from '../domain/decision.ts';

/** What an agent says of its fallback. */
type Reviews = { readonly fallback?: unknown };

/** Agents of a configuration: as data, or as code defines them. */
export type ConfiguredAgents =
  | Readonly<Record<string, Reviews>>
  | readonly { readonly name: string; readonly reviews: Reviews }[];

const SHOWN = 10;

const withoutFallback = (agents: ConfiguredAgents): readonly string[] => {
  const all = Array.isArray(agents)
    ? (agents as readonly { readonly name: string; readonly reviews: Reviews }[]).map(
        (each) => [each.name, each.reviews] as const,
      )
    : Object.entries(agents as Readonly<Record<string, Reviews>>);
  return all.flatMap(([name, { fallback }]) => (fallback === undefined ? [name] : []));
};

/** No machine says that something happened, so these never expire. */
const STAYING: ReadonlySet<PendingKind> = new Set(['effect', 'compensation']);

/** Rules that end tasks with a fallback which their agent does not have, each in a sentence: such a task ends without output. */
export const missingFallbacks = (rules: readonly ApprovalRule[], agents: ConfiguredAgents): readonly string[] => {
  const without = withoutFallback(agents);
  return rules.flatMap(({ name, when, expire }) => {
    if (expire?.then !== 'fallback' || when.kinds?.every((kind) => STAYING.has(kind)) === true) return [];
    const lacking = without.filter((agent) => when.agents?.includes(agent) ?? true);
    if (lacking.length === 0) return [];
    const more = lacking.length > SHOWN ? ` and ${lacking.length - SHOWN} more` : '';
    const who = `${lacking.slice(0, SHOWN).join(', ')}${more}`;
    return [
      `approval rule ${name}: it ends tasks with their fallback, and these agents have none: ${who}; their tasks would end without output. Give each a "fallback: { output: … }", or let the rule say "then: deny"`,
    ];
  });
};
