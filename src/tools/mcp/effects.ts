import { durationMs } from '../../domain/schemas/duration.ts';
import type { McpServerConfig, McpToolOverride } from '../../domain/schemas/mcp-server.ts';
import type { Effect } from '../../domain/task.ts';
import type { Tool } from '../tool.ts';

/** What a server says about a tool of its own: hints, not facts. */
export type Annotations = {
  readonly readOnlyHint?: boolean | undefined;
  readonly destructiveHint?: boolean | undefined;
  readonly idempotentHint?: boolean | undefined;
  readonly openWorldHint?: boolean | undefined;
};

type Facts = Pick<
  Tool,
  | 'effect'
  | 'unattended'
  | 'openWorld'
  | 'idempotent'
  | 'egress'
  | 'sensitive'
  | 'requires'
  | 'rateLimit'
  | 'timeoutMs'
  | 'maxAttempts'
  | 'nonEmpty'
>;

type Risk = { readonly effect: Effect; readonly unattended: boolean };

/** A hint that raises risk counts from any server, one that lowers it only from a trusted one. */
const hintedRisk = (hints: Annotations, isTrusted: boolean): Risk => {
  if (hints.destructiveHint === true && hints.readOnlyHint !== true)
    return { effect: 'destructive', unattended: false };
  if (!isTrusted) return { effect: hints.destructiveHint === true ? 'destructive' : 'write', unattended: false };
  if (hints.readOnlyHint === true) return { effect: 'read', unattended: true };
  return { effect: 'write', unattended: hints.destructiveHint === false };
};

/** Who gave an effect has classified the tool: a write then runs by itself, as one of `defineTool`. */
const riskOf = (hints: Annotations, isTrusted: boolean, override: McpToolOverride): Risk =>
  override.effect === undefined
    ? hintedRisk(hints, isTrusted)
    : { effect: override.effect, unattended: override.effect !== 'destructive' };

const IDEMPOTENT_ATTEMPTS = 3;

const limitsOf = (config: McpServerConfig, { timeout, rateLimit }: McpToolOverride) => ({
  timeoutMs: durationMs(timeout ?? config.timeout),
  rateLimit: rateLimit === undefined ? undefined : { calls: rateLimit.calls, perMs: durationMs(rateLimit.per) },
});

/** What has one answer where nobody says anything. */
const NOTHING_SAID = { egress: false, sensitive: [], requires: [] } as const;

const said = ({ egress, sensitive, requires }: McpToolOverride): Pick<Facts, 'egress' | 'sensitive' | 'requires'> => ({
  egress: egress ?? NOTHING_SAID.egress,
  sensitive: sensitive ?? NOTHING_SAID.sensitive,
  requires: requires ?? NOTHING_SAID.requires,
});

/** The facts that the gateway goes by: what the host says, then the server's hints as far as they may count, then the worst. */
export const factsOf = (config: McpServerConfig, tool: string, hints: Annotations): Facts => {
  const override = (Object.hasOwn(config.tools, tool) ? config.tools[tool] : undefined) ?? {};
  const believed: Annotations = config.trusted ? hints : {};
  const risk = riskOf(hints, config.trusted, override);
  const isRead = risk.effect === 'read';
  const idempotent = override.idempotent ?? (isRead || believed.idempotentHint === true);
  return {
    ...risk,
    ...said(override),
    ...limitsOf(config, override),
    idempotent,
    openWorld: override.openWorld ?? believed.openWorldHint !== false,
    maxAttempts: idempotent && !isRead ? IDEMPOTENT_ATTEMPTS : 1,
    nonEmpty: false,
  };
};
