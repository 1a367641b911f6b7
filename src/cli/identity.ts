import { readEnvironment } from '../config.ts';
import { osUser } from './command.ts';
import type { Identity } from './sending.ts';
import type { SigningOptions } from './signing-options.ts';

/**
 * Who decides here: by the key that the options or HOLDFAST_KEY name, else by a claim, the operating system's user.
 * @throws UsageError when the key cannot be used
 */
export const readIdentity = async (
  options: SigningOptions & { readonly by?: string } = {},
): Promise<Identity & { readonly by: string }> => {
  const by = options.by ?? osUser();
  const named = options.key ?? options.issuer ?? options.subject ?? readEnvironment().HOLDFAST_KEY;
  if (named === undefined) return { by };
  const { readSigner } = await import('./signing.ts');
  return { by, signer: readSigner(options) };
};
