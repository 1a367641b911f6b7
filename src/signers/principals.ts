import { ApplicationFailure } from '@temporalio/common';
import type { CallContext, PrincipalDirectory } from '../activities/ports.ts';
import { issuesText } from '../config-error.ts';
import {
  type KnownPrincipal,
  LookedUp,
  type PrincipalLookup,
  type PrincipalsConfig,
} from '../domain/schemas/signers.ts';

type Principal = CallContext['principal'];

/** How long a host's lookup may take. */
const LOOKUP_TIMEOUT_MS = 10_000;

/** A text of the specification, for a message. */
const shown = (text: string): string => JSON.stringify(text.slice(0, 100));

const refused = (message: string): ApplicationFailure => ApplicationFailure.nonRetryable(message, 'Principal.Refused');

/** Asks the host. It says no by null only: an error and silence are an outage, and admission is tried again. */
const ask = async (lookup: PrincipalLookup, { id, ...claimed }: Principal): Promise<KnownPrincipal | null> => {
  const late = Promise.withResolvers<never>();
  const why = `the function "principals" did not answer within ${LOOKUP_TIMEOUT_MS / 1_000} s`;
  const timer = setTimeout(() => late.reject(new Error(why)), LOOKUP_TIMEOUT_MS);
  try {
    const answer = LookedUp.safeParse(await Promise.race([lookup(id, claimed), late.promise]));
    if (answer.success) return answer.data;
    throw new Error(`the function "principals" gave what is no principal: ${issuesText(answer.error)}`);
  } finally {
    clearTimeout(timer);
  }
};

/** INVARIANT A3: what the specification says of a principal can only narrow what the host says. */
const narrow = ({ id, roles: wished, tenant: meant }: Principal, known: KnownPrincipal): Principal => {
  const has = known.roles ?? [];
  const missing = wished?.find((role) => !has.includes(role));
  if (missing !== undefined) throw refused(`the principal ${shown(id)} does not have the role ${shown(missing)}.`);
  if (meant !== undefined && meant !== known.tenant)
    throw refused(`the principal ${shown(id)} does not belong to the tenant ${shown(meant)}.`);
  return { id, roles: wished ?? has, ...(known.tenant === undefined ? {} : { tenant: known.tenant }) };
};

/**
 * Creates the directory of principals: whom tasks may be run for, with which roles, in which tenant. Without a configuration
 * the specification is believed.
 */
export const createPrincipals = (config: PrincipalsConfig | undefined): PrincipalDirectory => {
  if (config === undefined) return (claimed) => Promise.resolve(claimed);
  const listed = typeof config === 'function' ? undefined : new Map(Object.entries(config));
  const lookup = typeof config === 'function' ? config : (id: string) => listed?.get(id) ?? null;
  return async (claimed) => {
    const known = await ask(lookup, claimed);
    if (known === null) throw refused(`the host knows no principal ${shown(claimed.id)}.`);
    return narrow(claimed, known);
  };
};

/** Ids that the configuration marks as agents. A function says nothing of them: there, signers name them. */
export const agentsAmong = (config: PrincipalsConfig | undefined): readonly string[] =>
  config === undefined || typeof config === 'function'
    ? []
    : Object.entries(config).flatMap(([id, { agent }]) => (agent === true ? [id] : []));
