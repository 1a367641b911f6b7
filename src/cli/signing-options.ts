import { Option } from 'commander';

/** What a command takes that signs. */
export type SigningOptions = { readonly key?: string; readonly issuer?: string; readonly subject?: string };

/** Those options: `--key`, `--issuer`, `--subject`. */
export const signingOptions = (): readonly Option[] => [
  new Option('--key <file>', 'sign with this private key (default: $HOLDFAST_KEY)'),
  new Option('--issuer <name>', 'who signs, as under approvals.signers (default: as the key file says)'),
  new Option('--subject <name>', 'who decides (default: the issuer)'),
];
